// A copy of each line, by an allocator of the program's own that others use, too: it is the caller who can do without.
#include <cstdio>
#include <cstdlib>
#include <vector>

namespace
{
class Heap
{
  public:
    __attribute__((noinline)) void *alloc(std::size_t size)
    {
        void *block = std::malloc(size);

        count++;
        if (block == nullptr)
            std::abort();
        return block;
    }

    std::size_t count = 0;
};

Heap heap;

template <class T> struct Allocator {
    using value_type = T;

    __attribute__((noinline)) T *allocate(std::size_t n)
    {
        return static_cast<T *>(heap.alloc(n * sizeof(T)));
    }
    void deallocate(T *block, std::size_t)
    {
        std::free(block);
    }
};
} // namespace

int main()
{
    long sum = 0;
    std::vector<char, Allocator<char>> copy; // mended
    std::vector<long, Allocator<long>> lengths;

    lengths.reserve(10);
    for (int i = 0; i < 200000; i++) {
        char line[64];
        int length = std::snprintf(line, sizeof line, "line %d", i);
        std::vector<char, Allocator<char>> copy; // faulty
        copy.assign(line, line + length);        // HERE
        sum += copy[i % 5];
        lengths.resize(1, length);
    }
    std::printf("%ld\n", sum + static_cast<long>(heap.count > 0));
}
