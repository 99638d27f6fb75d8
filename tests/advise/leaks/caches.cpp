// Servers that hold some megabytes more in the end than in the beginning, and leak nothing, see server.h.
#include "server.h"

#include <cmath>
#include <list>
#include <memory>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

// The 5,000 results that were asked for last.
static void lru(int request)
{
    using entry = std::pair<unsigned, std::string>;
    static std::list<entry> order;
    static std::unordered_map<unsigned, std::list<entry>::iterator> known;
    unsigned key = server_random(100) * server_random(1000);
    auto found = known.find(key);

    if (request % 20 != 0)
        return;
    if (found != known.end()) {
        order.splice(order.begin(), order, found->second);
        return;
    }
    order.emplace_front(key, std::string(1000 + key % 100, 'r'));
    known[key] = order.begin();
    if (known.size() > 5000) {
        known.erase(order.back().first);
        order.pop_back();
    }
}

// The words of a language, of which most are rare: there are 20,000, and each is kept once.
static void words(int request)
{
    static std::unordered_set<std::string> table;
    double part = server_random(1000000) / 1e6;

    table.insert("the word number " + std::to_string(static_cast<int>(std::pow(20000.0, part))) +
                 std::string(200, '.'));
    (void)request;
}

// Connections: more are opened where all are in use, and all are kept.
static void connections(int tick)
{
    static std::vector<std::unique_ptr<char[]>> open;
    size_t wanted = 50 + server_random(static_cast<unsigned>(50 + tick / 2 > 200 ? 200 : 50 + tick / 2));

    while (open.size() < wanted)
        open.push_back(std::make_unique<char[]>(20000));
}

int main(int argc, char **argv)
{
    static const struct server_kind kinds[] = {
        {"lru", nullptr, lru},
        {"words", nullptr, words},
        {"connections", connections, nullptr},
    };

    return server_main(kinds, sizeof kinds / sizeof kinds[0], argc, argv);
}
