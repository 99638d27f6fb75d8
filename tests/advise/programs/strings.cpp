// A string for each line, or one for all.
#include <cstdio>
#include <string>

int main()
{
    std::size_t sum = 0;
    std::string line; // mended

    for (int i = 0; i < 200000; i++) {
        line.clear();                  // mended
        std::string line;              // faulty
        line.append(40 + i % 20, 'x'); // HERE
        sum += line.size();
    }
    std::printf("%zu\n", sum);
}
