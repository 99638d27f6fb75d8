// A text that is made anew with each word, or gets the words appended.
#include <cstdio>
#include <string>

int main()
{
    std::string text;

    for (int i = 0; i < 10000; i++) {
        text = text + std::to_string(i % 100) + " "; // faulty HERE
        text += std::to_string(i % 100);             // mended
        text += " ";                                 // mended
    }
    std::printf("%zu\n", text.size());
}
