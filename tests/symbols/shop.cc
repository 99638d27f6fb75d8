// A C++ program whose code is mostly inlined templates of the standard library, lambdas and virtual functions.
// Short on purpose: a line number beyond its end is a wrong answer about a header.
#include <algorithm>
#include <cstdio>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>
namespace shop
{
struct Item {
    std::string name;
    int count;
    explicit Item(int i) : name("item" + std::to_string(i)), count(i) {}
    virtual ~Item() {}
};
static inline int twice(int x) { return x * 2; }
template <class T> struct Box {
    T value;
    __attribute__((noinline)) T get()
    {
        auto add = [&](int k) { return k + twice((int)value.size()); };
        std::printf("%d", add(3));
        return value;
    }
};
} // namespace shop
extern "C" void plain(std::vector<int> &v) { v.push_back(shop::twice((int)v.size())); }
int main(int argc, char **)
{
    std::vector<std::unique_ptr<shop::Item>> items;
    for (int i = 0; i < argc * 10; i++)
        items.push_back(std::make_unique<shop::Item>(i));
    std::map<std::string, int> counts;
    for (auto &item : items)
        counts[item->name] += item->count;
    std::sort(items.begin(), items.end(), [](auto &a, auto &b) { return a->count > b->count; });
    shop::Box<std::string> box{"x"};
    std::function<int(int)> sum = [&](int k) { return k + (int)counts.size(); };
    std::vector<int> numbers;
    plain(numbers);
    return sum((int)box.get().size()) + numbers[0];
}
