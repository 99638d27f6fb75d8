// words.cpp - an index of words, as programs in C++ have them: says "ready PID" when it is there, and ends with its input.
#include <cstdio>
#include <map>
#include <memory>
#include <string>
#include <unistd.h>
#include <unordered_map>
#include <vector>

struct Entry {
    std::string word, meaning;
    std::vector<int> pages;
};

int main()
{
    std::map<std::string, std::shared_ptr<Entry>> index;
    std::unordered_map<int, std::vector<std::weak_ptr<Entry>>> by_page;

    for (int i = 0; i < 60000; i++) {
        auto entry = std::make_shared<Entry>();
        entry->word = "word-" + std::to_string(i);
        entry->meaning = std::string(static_cast<size_t>(i % 90), 'x');
        for (int page = i % 7; page < 50; page += 11) {
            entry->pages.push_back(page);
            by_page[page].push_back(entry);
        }
        index[entry->word] = entry;
    }
    for (int i = 0; i < 60000; i += 2)
        index.erase("word-" + std::to_string(i));
    std::printf("ready %d\n", static_cast<int>(getpid()));
    std::fflush(stdout);
    std::getchar();
    return index.size() == 30000 ? 0 : 1;
}
