// Objects that are made by new. A comment says which class and size the debug information tells, or that it tells nothing; some
// compilers say less: gcc has no names of constructors for linkers in an unnamed namespace, clang 14 no calls of what is elsewhere.
#include "made.h"

#include <string>

struct Plain {
    long x[3];
    Plain() : x{1, 2, 3} {}
    explicit Plain(long a) : x{a, a, a} {}
};
struct Pod {
    long x[3];
};
struct Other {
    long y[3];
    Other() : y{4, 5, 6} {}
};
struct Small {
    long x;
    Small() : x(1) {}
};
struct Named {
    std::string name;
    int k = 0;
    Named(const char *s);
};
__attribute__((noinline)) Named::Named(const char *s) : name(s) {}
struct Derived : Named {
    long more = 1;
    Derived() : Named("derived") {}
};
namespace app {
template <class T> struct Part {
    T part;
    long a = 7, b = 8, c = 9;
    Part(T p) : part(p) {}
};
}
namespace {
struct Hidden {
    long x[5];
    Hidden() : x{1} {}
};
}

void *kept[32];
__attribute__((noinline)) void keep(void *a, void *b) {
    kept[30] = a;
    kept[31] = b;
}
__attribute__((noinline)) void take(void *a, const Plain &b) {
    kept[28] = a;
    kept[29] = (void *)b.x[1];
}

__attribute__((noinline)) void take2(const Plain &b, void *a) {
    kept[26] = a;
    kept[27] = (void *)b.x[1];
}

int main(int argc, char **argv) {
    kept[0] = new Plain;             // Plain 24
    kept[1] = new Plain(argc);       // Plain 24
    kept[2] = new Pod;               // none
    kept[3] = new long(argc);        // none
    kept[4] = new Named(argv[0]);    // Named 40
    kept[5] = new Derived();         // Derived 48
    kept[6] = new app::Part<int>(argc);         // app::Part<int> 32
    kept[7] = new app::Part<double *>(nullptr); // app::Part<double*> 32
    kept[8] = new Hidden;            // none or (anonymous namespace)::Hidden 40
    kept[9] = new Elsewhere(argc);   // none or Elsewhere 56
    keep(new Plain, new Other);      // Plain 24 or Other 24
    take(new Pod, Plain(argc));      // none
    take2(Plain(argc), new Pod);     // none
    keep(new Pod, nullptr);          // none
    delete (Plain *)kept[0];
    return 0;
}
