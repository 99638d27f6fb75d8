// A vector that grows to its size, or has it from the beginning.
#include <cstdio>
#include <vector>

int main()
{
    const long count = 4000000;
    std::vector<long> values;
    long sum = 0;

    values.reserve(count); // mended
    for (long i = 0; i < count; i++)
        values.push_back(i % 1000); // HERE
    for (long value : values)
        sum += value;
    std::printf("%ld\n", sum);
}
