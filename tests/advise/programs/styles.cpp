// Cells with a style each, of which there are few different ones: each has its own, or all that are equal share one.
#include <cstdio>
#include <map>
#include <vector>

struct style {
    double width, height, margins[4];
    int colour, font;
};

static const style *style_of(int i)
{
    static std::map<int, const style *> known; // mended
    style wanted = {1.5, 2.5 + i % 10, {1, 2, 3, 4}, i % 10, 7};
    const style *&shared = known[wanted.colour]; // mended
    if (shared == nullptr)                       // mended
        shared = new style(wanted);              // mended
    return shared;                               // mended
    return new style(wanted);                    // faulty HERE
}

int main()
{
    std::vector<const style *> cells(100000);

    for (int i = 0; i < 100000; i++)
        cells[i] = style_of(i);
    std::puts("waiting");
    std::fflush(stdout);
    return std::getchar() == EOF ? 0 : cells[1]->font == 1;
}
