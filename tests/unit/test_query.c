/* test_query.c - formatting of numbers, names and JSON for people and programs. */
#define _GNU_SOURCE
#include "args.h"
#include "json.h"
#include "names.h"
#include "text.h"
#include "units.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static void units(void **state)
{
    char out[UNITS_SIZE];

    (void)state;
    assert_string_equal(units_bytes(out, 0, 0), "0 B");
    assert_string_equal(units_bytes(out, 1023, 0), "1023 B");
    assert_string_equal(units_bytes(out, 1024, 0), "1.00 KiB");
    assert_string_equal(units_bytes(out, 1048575, 0), "1.00 MiB");
    assert_string_equal(units_bytes(out, 14889779, 0), "14.2 MiB");
    assert_string_equal(units_bytes(out, 14889779, 1), "14889779");
    assert_string_equal(units_bytes(out, INT64_MAX, 0), "8.00 EiB");
    assert_string_equal(units_bytes(out, -2048, 0), "-2.00 KiB");
    assert_string_equal(units_bytes_signed(out, 2048, 0), "+2.00 KiB");
    assert_string_equal(units_bytes_signed(out, 0, 0), "0 B");
    assert_string_equal(units_count(out, 999), "999");
    assert_string_equal(units_count(out, 1000), "1,000");
    assert_string_equal(units_count(out, -1234567), "-1,234,567");
    assert_string_equal(units_count_signed(out, 40000), "+40,000");
    assert_string_equal(units_percent(out, 1, 3), "33.3 %");
    assert_string_equal(units_percent(out, 1, 0), "-");
    assert_string_equal(units_percent(out, 1, 100000), "<0.1 %");
    assert_string_equal(units_percent(out, 0, 100000), "0.0 %");
    assert_string_equal(units_seconds(out, 0), "0 s");
    assert_string_equal(units_seconds(out, 0.000012), "12 us");
    assert_string_equal(units_seconds(out, 0.0012), "1.2 ms");
    assert_string_equal(units_seconds(out, 1.234), "1.23 s");
    assert_string_equal(units_seconds(out, 125), "2 min 5 s");
    assert_string_equal(units_moment(out, 125, 125), "2 min 5 s");
    assert_string_equal(units_moment(out, 125.25, 1), "125.25 s");
    assert_string_equal(units_moment(out, 125.25, 0.5), "125.250 s");
    assert_string_equal(units_moment(out, 125, 0), "2 min 5 s");
}

static void assert_harmless(const char *in, const char *out)
{
    char *text = text_harmless(in);

    assert_string_equal(text, out);
    free(text);
}

static void harmless(void **state)
{
    (void)state;
    assert_harmless("", "");
    assert_harmless("std::vector<int>", "std::vector<int>");
    assert_harmless("a\nb\tc\rd", "a\\nb\\tc\\rd");
    assert_harmless("\x1b[31m\x07\x7f", "^[[31m^G^?");
    assert_harmless("\xc2\x9b"
                    "31m",
                    "\\u009b31m"); /* CSI as one character */
    assert_harmless("\xe2\x80\xae"
                    "abc",
                    "\\u202eabc");                    /* right to left */
    assert_harmless("\xf3\xa0\x81\x81", "\\U0e0041"); /* a tag character, which is invisible */
    assert_harmless("\xff\xc0\xaf", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
    assert_harmless("\xe2\x82", "\xef\xbf\xbd\xef\xbf\xbd");
    assert_harmless("gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f");
}

static void assert_cut(const char *in, size_t columns, int at_beginning, const char *out)
{
    char *text = text_cut(strdup(in), columns, at_beginning);

    assert_string_equal(text, out);
    free(text);
}

static void cut(void **state)
{
    (void)state;
    assert_cut("abc", 3, 0, "abc");
    assert_cut("abcd", 3, 0, "ab\xe2\x80\xa6");
    assert_cut("abcd", 3, 1,
               "\xe2\x80\xa6"
               "cd");
    assert_cut("/home/me/project/main.c:12", 20, 1, "\xe2\x80\xa6/project/main.c:12");
    assert_cut("/home/me/project/main.c:12", 12, 1, "\xe2\x80\xa6/main.c:12");
    assert_cut("/a/averylongname_of_a_file.c:12", 12, 1,
               "\xe2\x80\xa6"
               "a_file.c:12");
    assert_cut("abcd", 1, 0, "\xe2\x80\xa6");
    assert_cut("abcd", 0, 0, "");
    assert_cut("\xe6\xbc\xa2\xe5\xad\x97", 3, 0, "\xe6\xbc\xa2\xe2\x80\xa6"); /* wide: two columns each */
    assert_cut("\xe6\xbc\xa2\xe5\xad\x97", 2, 0, "\xe2\x80\xa6");
}

static void assert_name(const char *in, size_t columns, const char *out)
{
    char *text = names_cut(in, columns);

    assert_string_equal(text, out);
    free(text);
}

static void assert_own(const char *in, const char *out)
{
    size_t length;
    const char *own = names_own(in, &length);

    assert_int_equal(length, strlen(out));
    assert_memory_equal(own, out, length);
}

static void own_names(void **state)
{
    (void)state;
    assert_own("xmalloc", "xmalloc");
    assert_own("pool_alloc.constprop.0", "pool_alloc");
    assert_own("Pool::alloc(unsigned long)", "alloc");
    assert_own("Pool::alloc(unsigned long) const [clone .part.0]", "alloc");
    assert_own("(anonymous namespace)::xmalloc(unsigned long)", "xmalloc");
    assert_own("my_malloc::(anonymous namespace)::Table<int (*)(long)>::grow(std::vector<int>&)", "grow");
    assert_own("std::unique_ptr<int, X<int> > pool::make<int, 3ul>(int&&)", "make");
    assert_own("char* a::dup[abi:cxx11](char const*)", "dup");
    assert_own("a::f(int)::Local::alloc(int) const", "alloc");
    assert_own("Pool::alloc(unsigned long)::{lambda(int)#1}::operator()(int) const", "alloc");
    assert_own("Pool::operator()(int)", "operator");
    assert_own("std::ostream& std::operator<< <char, long>(std::ostream&)", "operator");
    assert_own("operator new(unsigned long)", "operator");
    assert_own("operators::run(int)", "run");
    assert_own("shop::pool::Pool::alloc", "alloc");
    assert_own("<shop::Counting as core::alloc::global::GlobalAlloc>::alloc_zeroed", "alloc_zeroed");
    assert_own("<shop::Pool<fn(u8) -> u32>>::alloc::<[u8; 4]>", "alloc");
    assert_own("shop::<impl shop::Pool<T>>::alloc", "alloc");
    assert_own("shop::Pool<T>::alloc::{{closure}}", "alloc");
    assert_own("shop::alloc::{closure#0}::{closure#1}", "alloc");
    assert_own("", "");
    assert_own("<", "");
    assert_own("a::", "a");
    assert_own("{closure#0}", "");
    assert_own("broken<a<b::c", "broken");
}

#define E "\xe2\x80\xa6"

static void names(void **state)
{
    static const char push[] = "void std::vector<std::pair<int, char>, std::allocator<x> >::push_back(int&&)";

    (void)state;
    assert_name("main", 4, "main");
    assert_name("main", 3, "ma" E);
    assert_name(push, 100, "void std::vector<" E ">::push_back(" E ")");
    assert_name(push, 60, "void std::vector<" E ">::push_back(" E ")");
    assert_name(push, 30, E "vector<" E ">::push_back(" E ")");
    assert_name(push, 15, E "push_back(" E ")");
    assert_name(push, 8, "push_ba" E);
    assert_name("ns::(anonymous namespace)::f(int)", 31, "ns::(anonymous namespace)::f(" E ")");
    assert_name("a::f(int)::{lambda(char)#1}::operator()(char) const", 43,
                "a::f(" E ")::{lambda(" E ")#1}::operator()(" E ") const");
    assert_name("std::ostream& std::operator<< <char, long>(std::ostream&)", 22, "operator<< <char, lon" E);
    assert_name("std::map<int, x>& std::operator+=(std::map<int, x>&, int)", 20, E "operator+=(" E ")");
    assert_name("Class::operator->()", 16, E "operator->()");
    assert_name("<core::Vec<T> as Trait>::push", 40, "<core::Vec<" E "> as Trait>::push");
    assert_name("core::slice::sort::merge", 14, E "sort::merge");
    assert_name("JSONEncoder.iterencode", 12, E "iterencode");
    assert_name("libstdc++.so.6+0xa57ba", 20, "libstdc++.so.6+0xa5" E);
    assert_name("broken<a<b<c", 6, "broke" E);
    assert_name("ns::f(int) [clone .part.0]", 40, "ns::f(" E ")");
    assert_name("ns::f(int) [clone .isra.0] [clone .cold]", 7, E "f(" E ")");
    assert_name("x509_name_canon.part.0", 40, "x509_name_canon");
    assert_name("grow.constprop.0.isra.12", 40, "grow");
    assert_name("broken(int [clone .part.0]", 40, "broken(int");
    assert_name("libc.so.6", 9, "libc.so.6");
    assert_name("module.part", 11, "module.part");
    assert_name(".part.0", 7, ".part.0");
    assert_name("7", 1, "7");
    assert_name("broken(a::b<c", 6, "broke" E);
    assert_name("", 0, "");
    assert_name("x", 0, "");
}

static void json(void **state)
{
    char *text = NULL;
    size_t size;
    struct json json;
    FILE *out = open_memstream(&text, &size);

    (void)state;
    json_begin(&json, out, "libtrace.test/1");
    json_text(&json, "a\"b", "\x1b\n\t\\\xff\xe2\x80\xae\xf3\xa0\x81\x81");
    json_text(&json, "none", NULL);
    json_real(&json, "nan", NAN);
    json_real(&json, "half", 0.5);
    json_array(&json, "empty");
    json_close(&json);
    json_array(&json, "list");
    json_number(&json, NULL, INT64_MIN);
    json_true(&json, NULL, 1);
    json_end(&json);
    fclose(out);
    assert_string_equal(
        text, "{\n \"schema\": \"libtrace.test/1\",\n \"a\\\"b\": "
              "\"\\u001b\\n\\t\\\\\xef\xbf\xbd\\u202e\\udb40\\udc41\",\n \"none\": null,\n \"nan\": null,\n"
              " \"half\": 0.5,\n \"empty\": [],\n \"list\": [\n  -9223372036854775808,\n  true\n ]\n}\n");
    free(text);
}

static void nearest(void **state)
{
    static const char *const names[] = {"top", "compare", "summary", "runs", "sql"};

    (void)state;
    assert_string_equal(args_nearest("tpo", names, 5), "top");
    assert_string_equal(args_nearest("comapre", names, 5), "compare");
    assert_string_equal(args_nearest("sum", names, 5), "summary");
    assert_string_equal(args_nearest("run", names, 5), "runs");
    assert_null(args_nearest("zzzzzz", names, 5));
    assert_null(args_nearest("", names, 5));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(units),     cmocka_unit_test(harmless),
                                       cmocka_unit_test(cut),       cmocka_unit_test(names),
                                       cmocka_unit_test(own_names), cmocka_unit_test(json),
                                       cmocka_unit_test(nearest)};

    setlocale(LC_CTYPE, "C.UTF-8");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
