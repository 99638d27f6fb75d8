// shapes.cpp - C++ as compilers like it least to be traced: templates, inlined functions that allocate,
// exceptions that unwind through frames which own memory, virtual calls, lambdas, and the operators new in
// all their forms.
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <vector>

namespace shapes
{

struct Shape {
    virtual ~Shape() = default;
    virtual double area() const = 0;
};

template <typename Number> struct Square : Shape {
    explicit Square(Number side) : side(side), corners(new Number[4]{side, side, side, side}) {}
    double area() const override
    {
        return static_cast<double>(side * corners[3]);
    }
    Number side;
    std::unique_ptr<Number[]> corners;
};

struct alignas(64) Padded {
    double value[8];
};

template <typename T, typename... Arguments> inline std::unique_ptr<Shape> make(Arguments... arguments)
{
    return std::unique_ptr<Shape>(new T(arguments...));
}

class Cache
{
  public:
    const std::string &name(int number)
    {
        auto found = names.find(number);
        if (found == names.end())
            found = names.emplace(number, "a shape with a long name, number " + std::to_string(number)).first;
        return found->second;
    }

  private:
    std::map<int, std::string> names;
};

__attribute__((noinline)) int risky(int number)
{
    std::vector<int> held(static_cast<std::size_t>(number % 50 + 1), number);
    if (number % 3 == 0)
        throw std::runtime_error("the number " + std::to_string(number) +
                                 " is one that this function refuses");
    return held.back();
}

template <int Depth> __attribute__((noinline)) int deep(int number)
{
    int result = deep<Depth - 1>(number + 1);
    return result + Depth;
}

template <> __attribute__((noinline)) int deep<0>(int number)
{
    return risky(number);
}

} // namespace shapes

int main(int argc, char **argv)
{
    long rounds = argc > 1 ? std::strtol(argv[1], nullptr, 10) : 2000;
    std::vector<std::unique_ptr<shapes::Shape>> all;
    shapes::Cache cache;
    double area = 0;
    long caught = 0, sum = 0;

    for (int i = 0; i < rounds; i++) {
        all.push_back(shapes::make<shapes::Square<int>>(i));
        all.push_back(shapes::make<shapes::Square<double>>(i * 0.5));
        sum += static_cast<long>(cache.name(i % 100).size());
        try {
            sum += shapes::deep<12>(i);
        } catch (const std::exception &error) {
            caught += static_cast<long>(std::string(error.what()).size());
        }
        std::function<long(long)> add = [sum, caught, i, area](long x) {
            return x + sum % 2 + caught % 2 + i % 2 + (area > 0);
        };
        sum += add(1);
        delete new shapes::Padded();
        delete new (std::nothrow) int(i);
        void *aligned = ::operator new(24, std::align_val_t(128));
#ifdef __cpp_sized_deallocation
        ::operator delete(aligned, 24, std::align_val_t(128));
#else
        ::operator delete(aligned, std::align_val_t(128));
#endif
    }
    for (const auto &shape : all)
        area += shape->area();
    std::printf("%zu shapes, area %.1f, caught %ld, sum %ld\n", all.size(), area, caught, sum);
    return 0;
}
