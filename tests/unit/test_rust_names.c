/* test_rust_names.c - types in the place of the parameters in names of Rust's older mangling. */
#include "rust_names.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static char *filled(const char *name, const char *const (*pairs)[2])
{
    struct rust_parameter parameters[8];
    size_t count = 0;

    for (; pairs[count][0] != NULL; count++)
        parameters[count] =
            (struct rust_parameter){pairs[count][0], pairs[count][1], strlen(pairs[count][1])};
    return rust_filled_name(name, parameters, count);
}

static void parameters_are_replaced(void **state)
{
    static const struct {
        const char *name, *wanted;
        const char *const pairs[4][2];
    } cases[] = {
        {"alloc::vec::Vec<T,A>::push",
         "alloc::vec::Vec<app::Shape>::push",
         {{"T", "app::Shape"}, {"A", "alloc::alloc::Global"}}},
        {"alloc::vec::Vec<T,A>::push",
         "alloc::vec::Vec<u8, app::Arena>::push",
         {{"T", "u8"}, {"A", "app::Arena"}}},
        {"<alloc::vec::Vec<T> as core::iter::Extend<&T>>::extend",
         "<alloc::vec::Vec<(u8, i8)> as core::iter::Extend<&(u8, i8)>>::extend",
         {{"T", "(u8, i8)"}}},
        {"core::ops::function::impls::<impl core::ops::function::FnOnce<A> for &mut F>::call_once",
         "core::ops::function::impls::<impl core::ops::function::FnOnce<()> for &mut fn(u8) -> T>::call_once",
         {{"A", "()"}, {"F", "fn(u8) -> T"}}},
        {"alloc::rc::Rc<T>::new",
         "alloc::rc::Rc<alloc::vec::Vec<u8>>::new",
         {{"T", "alloc::vec::Vec<u8, alloc::alloc::Global>"}}},
        {"<F as a::Of<fn(T) -> T>>::T", "<x::Y as a::Of<fn(i8) -> i8>>::T", {{"T", "i8"}, {"F", "x::Y"}}},
        {"<[T; N] as a::B>::c", "<[f32; N] as a::B>::c", {{"T", "f32"}}},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        char *text = filled(cases[i].name, cases[i].pairs);

        assert_non_null(text);
        assert_string_equal(text, cases[i].wanted);
        free(text);
    }
}

/* Other words, and those outside of brackets, are not parameters. */
static void the_rest_stays(void **state)
{
    static const char *const pairs[][2] = {{"T", "u8"}, {NULL, NULL}};
    static const char *const names[] = {"T::new", "a::T<b::T>::c", "a::Tree<Tx, xT, T1>::c", "a::b", ""};

    (void)state;
    for (size_t i = 0; i < COUNT(names); i++)
        assert_null(filled(names[i], pairs));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parameters_are_replaced),
        cmocka_unit_test(the_rest_stays),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
