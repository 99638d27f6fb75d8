/* small.c - big integers: shallow stacks, tens of millions of small blocks, one thread.
 *
 *   small [STEPS]
 *
 * The continued fraction of the square root of N, the first half of the CFRAC way to factor N: numerators
 * modulo N, and trial division of the remainders by small primes. Integers never change; each result is a new
 * block.
 */
#include "bench.h"

#include <string.h>

/* Least significant word first, no leading zeros; 0 has no words. */
struct integer {
    uint32_t size;
    uint32_t word[];
};

static uint64_t allocations, frees, bytes;

static NOINLINE struct integer *new_integer(uint32_t words)
{
    size_t size = sizeof(struct integer) + words * sizeof(uint32_t);
    struct integer *integer = malloc(size);
    if (!integer)
        abort();
    allocations++;
    bytes += size;
    integer->size = words;
    return integer;
}

static void drop(struct integer *integer)
{
    free(integer);
    frees++;
}

static struct integer *trim(struct integer *integer)
{
    while (integer->size && integer->word[integer->size - 1] == 0)
        integer->size--;
    return integer;
}

static NOINLINE struct integer *from_number(uint64_t value)
{
    struct integer *result = new_integer(2);
    result->word[0] = (uint32_t)value;
    result->word[1] = (uint32_t)(value >> 32);
    return trim(result);
}

static int compare(const struct integer *a, const struct integer *b)
{
    if (a->size != b->size)
        return a->size < b->size ? -1 : 1;
    for (uint32_t i = a->size; i-- > 0;)
        if (a->word[i] != b->word[i])
            return a->word[i] < b->word[i] ? -1 : 1;
    return 0;
}

static NOINLINE struct integer *add(const struct integer *a, const struct integer *b)
{
    if (a->size < b->size) {
        const struct integer *other = a;
        a = b;
        b = other;
    }
    struct integer *sum = new_integer(a->size + 1);
    uint64_t carry = 0;
    for (uint32_t i = 0; i < a->size; i++) {
        carry += (uint64_t)a->word[i] + (i < b->size ? b->word[i] : 0);
        sum->word[i] = (uint32_t)carry;
        carry >>= 32;
    }
    sum->word[a->size] = (uint32_t)carry;
    return trim(sum);
}

/* a - b, where a >= b. */
static NOINLINE struct integer *subtract(const struct integer *a, const struct integer *b)
{
    struct integer *difference = new_integer(a->size);
    int64_t borrow = 0;
    for (uint32_t i = 0; i < a->size; i++) {
        borrow += (int64_t)a->word[i] - (i < b->size ? b->word[i] : 0);
        difference->word[i] = (uint32_t)borrow;
        borrow >>= 32;
    }
    return trim(difference);
}

static NOINLINE struct integer *multiply(const struct integer *a, const struct integer *b)
{
    struct integer *product = new_integer(a->size + b->size);
    memset(product->word, 0, product->size * sizeof product->word[0]);
    for (uint32_t i = 0; i < a->size; i++) {
        uint64_t carry = 0;
        for (uint32_t j = 0; j < b->size; j++) {
            carry += (uint64_t)a->word[i] * b->word[j] + product->word[i + j];
            product->word[i + j] = (uint32_t)carry;
            carry >>= 32;
        }
        product->word[i + b->size] = (uint32_t)carry;
    }
    return trim(product);
}

static NOINLINE struct integer *divide_small(const struct integer *a, uint32_t by, uint32_t *remainder)
{
    struct integer *quotient = new_integer(a->size);
    uint64_t rest = 0;
    for (uint32_t i = a->size; i-- > 0;) {
        rest = rest << 32 | a->word[i];
        quotient->word[i] = (uint32_t)(rest / by);
        rest %= by;
    }
    *remainder = (uint32_t)rest;
    return trim(quotient);
}

static NOINLINE struct integer *shift(const struct integer *a, uint32_t bits)
{
    uint32_t words = bits / 32, rest = bits % 32;
    struct integer *result = new_integer(a->size + words + 1);
    memset(result->word, 0, result->size * sizeof result->word[0]);
    for (uint32_t i = 0; i < a->size; i++) {
        uint64_t word = (uint64_t)a->word[i] << rest;
        result->word[i + words] |= (uint32_t)word;
        result->word[i + words + 1] |= (uint32_t)(word >> 32);
    }
    return trim(result);
}

static uint32_t bits_of(const struct integer *a)
{
    return a->size ? a->size * 32 - (uint32_t)__builtin_clz(a->word[a->size - 1]) : 0;
}

/* Quotient and remainder by shifted subtraction. */
static NOINLINE struct integer *divide(const struct integer *a, const struct integer *b,
                                       struct integer **remainder)
{
    struct integer *rest = from_number(0), *quotient = from_number(0), *next;
    next = add(rest, a);
    drop(rest);
    rest = next;
    while (compare(rest, b) >= 0) {
        uint32_t by = bits_of(rest) - bits_of(b);
        struct integer *piece = shift(b, by);
        if (compare(piece, rest) > 0) {
            drop(piece);
            piece = shift(b, --by);
        }
        next = subtract(rest, piece);
        drop(rest);
        drop(piece);
        rest = next;
        struct integer *one = from_number(1), *bit = shift(one, by);
        next = add(quotient, bit);
        drop(one);
        drop(bit);
        drop(quotient);
        quotient = next;
    }
    *remainder = rest;
    return quotient;
}

static NOINLINE struct integer *square_root(const struct integer *n)
{
    struct integer *root = from_number(0);
    for (uint32_t bit = (bits_of(n) + 1) / 2 + 1; bit-- > 0;) {
        struct integer *one = from_number(1), *unit = shift(one, bit), *next = add(root, unit);
        struct integer *square = multiply(next, next);
        if (compare(square, n) <= 0) {
            drop(root);
            root = next;
        } else {
            drop(next);
        }
        drop(one);
        drop(unit);
        drop(square);
    }
    return root;
}

/* What is left of a after all its small prime factors: 1 word of it. */
static NOINLINE uint32_t trial(const struct integer *a)
{
    static const uint32_t primes[] = {2, 3, 5, 7, 11, 13};
    struct integer *rest = divide_small(a, 1, &(uint32_t){0});
    for (size_t i = 0; i < sizeof primes / sizeof primes[0]; i++) {
        uint32_t remainder;
        struct integer *quotient = divide_small(rest, primes[i], &remainder);
        if (remainder == 0 && rest->size) {
            drop(rest);
            rest = quotient;
            i--;
        } else {
            drop(quotient);
        }
    }
    uint32_t left = rest->size ? rest->word[0] : 0;
    drop(rest);
    return left;
}

static void replace(struct integer **place, struct integer *fresh)
{
    drop(*place);
    *place = fresh;
}

int main(int argc, char **argv)
{
    long steps = bench_argument(argc, argv, 1, 500000);
    struct integer *a = from_number(0xe8d4a51000000fb1u), *b = from_number(0xd1b71758e219652bu);
    struct integer *n = multiply(a, b), *root = square_root(n), *m, *ignored;
    struct integer *p = from_number(0), *q = from_number(1), *before = from_number(1),
                   *numerator = from_number(1);
    uint64_t check = 0;
    for (long i = 0; i < steps; i++) {
        /* term = (root + p) / q;  p' = term q - p;  q' = (n - p'^2) / q;  A'' = term A' + A (mod n) */
        struct integer *sum = add(root, p), *term = divide(sum, q, &ignored);
        drop(ignored);
        struct integer *product = multiply(term, q);
        replace(&p, subtract(product, p));
        struct integer *square = multiply(p, p), *rest = subtract(n, square);
        replace(&q, divide(rest, q, &ignored));
        drop(ignored);
        struct integer *scaled = multiply(term, numerator), *next = add(scaled, before);
        drop(divide(next, n, &m));
        drop(before);
        before = numerator;
        numerator = m;
        check += trial(q);
        drop(sum);
        drop(term);
        drop(product);
        drop(square);
        drop(rest);
        drop(scaled);
        drop(next);
    }
    struct integer *all[] = {a, b, n, root, p, q, before, numerator};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        drop(all[i]);
    bench_result(check, allocations, frees, bytes);
    return 0;
}
