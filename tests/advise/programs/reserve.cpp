// A vector that is told of each element, or grows by itself.
#include "trace.h"
#include <cstdio>
#include <vector>

int main()
{
    const int count = 20000;
    std::vector<long> values;
    long sum = 0;

    for (int i = 0; i < count; i++) {
        values.reserve(values.size() + 1); // faulty HERE
        values.push_back(i * 7 % 1000);
        if (i % (count / 10) == count / 20)
            trace_mark("a tenth");
    }
    for (long value : values)
        sum += value;
    std::printf("%ld\n", sum);
}
