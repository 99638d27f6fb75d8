/* test_block_types.c - the types that names of libraries' functions tell. */
#include "block_types.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

/* Names in the form that demanglers and debug information have. */
static void types_of_blocks(void **state)
{
    static const char *const known[][2] = {
        {"std::__new_allocator<Shape>::allocate(unsigned long, void const*)", "Shape"},
        {"std::allocator_traits<std::allocator<int> >::allocate(std::allocator<int>&, unsigned long)", "int"},
        {"__gnu_cxx::new_allocator<std::pair<int, char>*>::allocate(unsigned long)", "std::pair<int, char>*"},
        {"std::__new_allocator<std::_List_node<app::Part<3> > >::allocate(unsigned long)", "app::Part<3>"},
        {"std::__new_allocator<std::_Rb_tree_node<std::pair<std::__cxx11::basic_string<char, "
         "std::char_traits<char>, "
         "std::allocator<char> > const, Plain> > >::allocate(unsigned long, void const*)",
         "std::pair<std::string const, Plain>"},
        {"std::__new_allocator<std::_Sp_counted_ptr_inplace<Circle, std::allocator<void>, "
         "(__gnu_cxx::_Lock_policy)2> "
         ">::allocate(unsigned long)",
         "Circle"},
        {"std::_Rb_tree<int, std::pair<int const, Plain>, std::_Select1st<int> >::_M_emplace()",
         "std::pair<int const, Plain>"},
        {"void std::vector<Shape, std::allocator<Shape> >::_M_realloc_insert<Shape const&>(Shape const&)",
         "Shape"},
        {"std::_MakeUniq<Plain>::__single_object std::make_unique<Plain>()", "Plain"},
        {"std::__1::allocator<double [2]>::allocate(unsigned long)", "double [2]"},
        {"std::__new_allocator<main::{lambda(int, char)#1}>::allocate(unsigned long)",
         "main::{lambda(int, char)#1}"},
        {"std::__new_allocator<int (*)(char const*)>::allocate(unsigned long)", "int (*)(char const*)"},
        {"std::__cxx11::basic_string<char, std::char_traits<char>, std::allocator<char> "
         ">::_M_create(unsigned long&, "
         "unsigned long)",
         "std::string"},
        {"std::__cxx11::basic_string<wchar_t, std::char_traits<wchar_t>, std::allocator<wchar_t> "
         ">::_M_create()",
         "wchar_t"},
        {"<alloc::raw_vec::RawVec<ty::Plain>>::grow_one", "ty::Plain"},
        {"<alloc::vec::Vec<u32> as alloc::vec::spec_from_iter_nested::SpecFromIterNested<u32, I>>::from_iter",
         "u32"},
        {"<alloc::boxed::Box<fn(i32) -> u8>>::new", "fn(i32) -> u8"},
        {"alloc::vec::Vec<ty::Plain, ty::Arena>::push", "ty::Plain"},
        {"alloc::rc::Rc<ty::T>::new", "ty::T"},
        {"alloc::string::String::push_str", "String"},
        {"alloc::str::<impl alloc::borrow::ToOwned for str>::to_owned", "String"},
        {"<alloc::string::String>::push_str", "String"},
        {"<alloc::vec::Vec<u8>>::push", "u8"},
        {"std::vector<char, std::allocator<char> >::push_back(char&&)", "char"},
        {"<hashbrown::raw::RawTable<(alloc::string::String, ty::Plain)>>::reserve::<F>",
         "(alloc::string::String, ty::Plain)"},
    };
    static const char *const unknown[] = {
        "operator new(unsigned long)",
        "malloc",
        "alloc::raw_vec::RawVec<T,A>::grow_one",
        "<alloc::vec::Vec<T2> as core::clone::Clone>::clone",
        "std::vector",
        "std::vector<",
        "std::allocator<>::allocate()",
        "std::_Rb_tree<int>::insert()",
        "my::vector<int>::grow()",
        "",
        "<<<<>>>>,,",
        "std::allocator<a(",
    };

    (void)state;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        char *type = block_type(known[i][0]);

        assert_non_null(type);
        assert_string_equal(type, known[i][1]);
        free(type);
    }
    for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++)
        assert_null(block_type(unknown[i]));
}

static void types_of_classes(void **state)
{
    static const char *const known[][2] = {
        {"Circle", "Circle"},
        {"std::_Sp_counted_ptr_inplace<Circle, std::allocator<void>, (__gnu_cxx::_Lock_policy)2>", "Circle"},
        {"std::__1::__shared_ptr_emplace<app::Part<3>, std::__1::allocator<app::Part<3> > >", "app::Part<3>"},
        {"Named<std::__cxx11::basic_string<char, std::char_traits<char>, std::allocator<char> > >",
         "Named<std::string >"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        char *type = block_type_of_class(known[i][0]);

        assert_non_null(type);
        assert_string_equal(type, known[i][1]);
        free(type);
    }
}

static void parts(void **state)
{
    (void)state;
    assert_true(block_type_is_part("char", "std::string"));
    assert_true(block_type_is_part("u8", "String"));
    assert_false(block_type_is_part("std::string", "char"));
    assert_false(block_type_is_part("char", "char"));
    assert_false(block_type_is_part("int", "std::string"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(types_of_blocks), cmocka_unit_test(types_of_classes),
                                       cmocka_unit_test(parts)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
