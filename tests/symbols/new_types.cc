// What clang says of calls of operator new. new_types.s was made of this by
//   clang++-22 -O2 -g -gno-column-info -fno-addrsig -fno-integrated-as -fno-ident -fno-verbose-asm -ffile-prefix-map=$PWD= -S new_types.cc
// The comment of each function has the type of what it makes.

namespace app {
struct Plain {
    int a, b, c;
    struct Inner {
        long x;
    };
};
template <class T, int N> struct Part {
    T text[N];
};
union Both {
    int i;
    double d;
};
enum class Kind { ONE };
typedef Plain Alias;
} // namespace app
namespace {
struct Hidden {
    int x;
};
} // namespace

void *volatile kept[16];

#define MAKES extern "C" __attribute__((noinline)) void

MAKES make_int(int n) { kept[0] = new int(n); }                            // int
MAKES make_array(int n) { kept[1] = new double[n]; }                       // double
MAKES make_plain() { kept[2] = new app::Plain; }                           // app::Plain
MAKES make_inner() { kept[3] = new app::Plain::Inner; }                    // app::Plain::Inner
MAKES make_part() { kept[4] = new app::Part<char, 40>; }                   // app::Part<char, 40>
MAKES make_both() { kept[5] = new app::Both; }                             // app::Both
MAKES make_pointers(int n) { kept[6] = new const char *[n]; }              // char const*
MAKES make_alias() { kept[7] = new app::Alias; }                           // app::Plain
MAKES make_kind() { kept[8] = new app::Kind; }                             // app::Kind
MAKES make_hidden() { kept[9] = new Hidden; }                              // (anonymous namespace)::Hidden
MAKES make_untold(unsigned long n) { kept[10] = ::operator new(n); }       // -
MAKES make_void(int n) { kept[11] = new void *[n]; }                       // void*

static int local(int n)
{
    struct Local {
        int x;
    };
    kept[12] = new Local{n};                                               // local(int)::Local
    return n;
}

MAKES make_local(int n) { local(n); }

int main(int argc, char **)
{
    make_int(argc);
    make_array(argc + 5);
    make_plain();
    make_inner();
    make_part();
    make_both();
    make_pointers(argc + 3);
    make_alias();
    make_kind();
    make_hidden();
    make_untold(12);
    make_void(argc);
    make_local(argc);
}
