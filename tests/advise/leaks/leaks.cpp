// Servers that leak 1 MB a minute, see server.h. Each says in its line LEAK which kind it is.
#include "server.h"

#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

// Results by the number of a request, which never comes again.
static void results_tick(int tick)
{
    static std::unordered_map<long, std::string> results;

    for (int i = 0; i < 8; i++)
        results[tick * 8L + i] = std::string(1200, 'r'); // LEAK results
}

// Each asks to be called, and nobody is taken off the list.
static void callbacks_tick(int tick)
{
    static std::vector<std::function<int()>> callbacks;
    struct state {
        char text[480];
        int tick;
    } state = {"waiting", tick};

    for (int i = 0; i < LEAKED / 500; i++)
        callbacks.push_back([state] { return state.tick; }); // LEAK callbacks
}

struct session {
    std::shared_ptr<session> self;
    char text[460] = "session";
};

// Objects that hold themselves.
static void cycles_tick(int tick)
{
    (void)tick;
    for (int i = 0; i < LEAKED / 500; i++) {
        auto made = std::make_shared<session>(); // LEAK cycles

        made->self = made;
    }
}

int main(int argc, char **argv)
{
    static const struct server_kind kinds[] = {
        {"results", results_tick, nullptr},
        {"callbacks", callbacks_tick, nullptr},
        {"cycles", cycles_tick, nullptr},
    };

    return server_main(kinds, sizeof kinds / sizeof kinds[0], argc, argv);
}
