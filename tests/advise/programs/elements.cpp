// Numbers in a list, or in a vector.
#include <cstdio>
#include <list>
#include <vector>

int main()
{
    std::list<long> numbers;   // faulty
    std::vector<long> numbers; // mended
    long sum = 0;

    for (long i = 0; i < 200000; i++)
        numbers.push_back(i); // HERE
    for (long number : numbers)
        sum += number;
    std::printf("%ld\n", sum);
}
