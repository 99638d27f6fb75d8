// names.cpp - functions whose names take ten kilobytes, as templates within templates have them.
#include <cstdio>
#include <cstdlib>
#include <utility>

template <int Depth, typename T> struct Nested {
    using type = typename Nested<Depth - 1, std::pair<T, T>>::type;
};

template <typename T> struct Nested<0, T> {
    using type = T;
};

template <typename T> __attribute__((noinline)) void *allocate(std::size_t size)
{
    void *block = std::malloc(size + sizeof(T) % 2);
    asm volatile("" : "+r"(block));
    return block;
}

template <typename T> __attribute__((noinline)) void work(int rounds)
{
    for (int i = 0; i < rounds; i++)
        std::free(allocate<T>(100));
    std::printf("%d\n", allocate<T>(1000) != nullptr);
}

int main()
{
    work<Nested<9, unsigned long>::type>(10);
    work<Nested<3, char>::type>(5);
}
