// What containers do by themselves: they grow by factors, and keep what they have.
#include "trace.h"
#include <cstdio>
#include <deque>
#include <string>
#include <unordered_map>
#include <vector>

int main()
{
    std::vector<long> vector;
    std::deque<long> deque;
    std::string text;
    std::unordered_map<long, std::string> map;
    std::vector<std::string> reserved;

    reserved.reserve(20000);
    for (long i = 0; i < 20000; i++) {
        vector.push_back(i);
        deque.push_back(i);
        text += "some words ";
        map[i % 1000] = "a value that is too long for the string itself, so that it has a block";
        reserved.emplace_back(30 + i % 40, 'x');
        if (i % 1000 == 500)
            trace_mark("more");
    }
    std::printf("%zu\n", vector.size() + deque.size() + text.size() + map.size() + reserved.size());
}
