// resident_map.cpp - as resident.c: a std::map of strings with random keys, of MIB, as std::allocator's blocks take them with glibc.
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <unistd.h>

int main(int argc, char **argv)
{
    std::map<unsigned long, std::string> all;
    unsigned long key = 88172645463325252ul;
    for (long i = (argc > 1 ? std::atol(argv[1]) : 64) * (1 << 20) / 112; i > 0; i--) {
        key = key * 6364136223846793005ul + 1442695040888963407ul;
        all[key] = "a text of twenty-five chars";
    }
    if (std::puts("ready") < 0 || std::fflush(stdout) != 0)
        return 1;
    for (;;)
        pause();
}
