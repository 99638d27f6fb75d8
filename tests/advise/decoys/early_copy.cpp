// A vector that grows and is gone long before the run holds most.
#include <cstdio>
#include <vector>

static long add_up()
{
    std::vector<long> values;
    long sum = 0;

    for (long i = 0; i < 1000000; i++)
        values.push_back(i % 1000);
    for (long value : values)
        sum += value;
    return sum;
}

int main()
{
    long sum = add_up();
    std::vector<char> picture(40 << 20, 'p');

    for (std::size_t i = 0; i < picture.size(); i += 4096)
        sum += picture[i];
    std::printf("%ld\n", sum);
}
