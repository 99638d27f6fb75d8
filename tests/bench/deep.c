/* deep.c - symbolic algebra: deep and varied stacks, many small short-lived blocks, one thread.
 *
 *   deep [ROUNDS [EXPRESSIONS]]
 *
 * An expression is made up as a text, parsed by recursive descent, differentiated, simplified, expanded,
 * printed, evaluated and thrown away. Every node is a block of its own, and trees are rebuilt rather than
 * changed. A round goes through all expressions; a few of them, and a small one above all, come much more
 * often, so that stacks are as unequal as in a real program (espresso: half of 33 million allocations from 32
 * of 228,000 stacks, nine tenths from 61,000).
 */
#include "bench.h"
#include "deep_text.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

enum kind { NUMBER, NAME, SUM, DIFFERENCE, PRODUCT, QUOTIENT, POWER, NEGATIVE, CALL };

struct node {
    enum kind kind;
    enum function function;
    double value;
    char *name;
    struct node *left, *right; /* a call's or a negative's operand is left */
};

static uint64_t allocations, frees, bytes;

static inline void *take(size_t size)
{
    void *block = malloc(size);
    if (!block)
        abort();
    allocations++;
    bytes += size;
    return block;
}

static inline void give(void *block)
{
    free(block);
    frees++;
}

/* ---- building ---------------------------------------------------------------------------------- */

static inline struct node *new_node(enum kind kind, struct node *left, struct node *right)
{
    struct node *node = take(sizeof *node);
    *node = (struct node){.kind = kind, .left = left, .right = right};
    return node;
}

static NOINLINE struct node *number(double value)
{
    struct node *node = new_node(NUMBER, NULL, NULL);
    node->value = value;
    return node;
}

static NOINLINE char *copy_name(const char *name, size_t length)
{
    char *copy = take(length + 1);
    memcpy(copy, name, length);
    copy[length] = '\0';
    return copy;
}

static NOINLINE struct node *name(const char *text, size_t length)
{
    struct node *node = new_node(NAME, NULL, NULL);
    node->name = copy_name(text, length);
    return node;
}

static NOINLINE struct node *binary(enum kind kind, struct node *left, struct node *right)
{
    return new_node(kind, left, right);
}

static NOINLINE struct node *call(enum function function, struct node *operand)
{
    struct node *node = new_node(CALL, operand, NULL);
    node->function = function;
    return node;
}

static NOINLINE void drop(struct node *node)
{
    if (!node)
        return;
    drop(node->left);
    drop(node->right);
    if (node->name)
        give(node->name);
    give(node);
}

static NOINLINE struct node *copy(const struct node *node)
{
    if (node->kind == NUMBER)
        return number(node->value);
    if (node->kind == NAME)
        return name(node->name, strlen(node->name));
    struct node *left = copy(node->left);
    struct node *right = node->right ? copy(node->right) : NULL;
    struct node *fresh = binary(node->kind, left, right);
    fresh->function = node->function;
    return fresh;
}

/* ---- the parser -------------------------------------------------------------------------------- */

static NOINLINE struct node *parse_sum(const char **at);

static NOINLINE struct node *parse_name(const char **at)
{
    const char *start = *at;
    while (**at >= 'a' && **at <= 'z')
        ++*at;
    size_t length = (size_t)(*at - start);
    if (**at != '(')
        return name(start, length);
    enum function function = SIN;
    while (function < LOG && strncmp(function_names[function], start, length) != 0)
        function++;
    ++*at;
    struct node *operand = parse_sum(at);
    ++*at;
    return call(function, operand);
}

static NOINLINE struct node *parse_group(const char **at)
{
    ++*at;
    struct node *inner = parse_sum(at);
    ++*at;
    return inner;
}

static NOINLINE struct node *parse_primary(const char **at)
{
    struct node *node;
    if (**at == '(') {
        node = parse_group(at);
    } else if (**at >= '0' && **at <= '9') {
        char *end;
        node = number(strtod(*at, &end));
        *at = end;
    } else {
        node = parse_name(at);
    }
    KEEP_FRAME();
    return node;
}

static NOINLINE struct node *parse_unary(const char **at)
{
    struct node *node;
    if (**at == '-') {
        ++*at;
        node = binary(NEGATIVE, parse_unary(at), NULL);
    } else {
        node = parse_primary(at);
    }
    KEEP_FRAME();
    return node;
}

static NOINLINE struct node *parse_power(const char **at)
{
    struct node *base = parse_unary(at);
    if (**at != '^')
        return base;
    ++*at;
    return binary(POWER, base, parse_power(at));
}

static NOINLINE struct node *parse_product(const char **at)
{
    struct node *left = parse_power(at);
    while (**at == '*' || **at == '/') {
        enum kind kind = *(*at)++ == '*' ? PRODUCT : QUOTIENT;
        left = binary(kind, left, parse_power(at));
    }
    return left;
}

static NOINLINE struct node *parse_sum(const char **at)
{
    struct node *left = parse_product(at);
    while (**at == '+' || **at == '-') {
        enum kind kind = *(*at)++ == '+' ? SUM : DIFFERENCE;
        left = binary(kind, left, parse_product(at));
    }
    return left;
}

/* ---- differentiation by x ---------------------------------------------------------------------- */

static NOINLINE struct node *derive(const struct node *node);

static NOINLINE struct node *derive_sum(const struct node *node)
{
    struct node *left = derive(node->left);
    struct node *right = derive(node->right);
    return binary(node->kind, left, right);
}

static NOINLINE struct node *derive_product(const struct node *node)
{
    struct node *first = binary(PRODUCT, derive(node->left), copy(node->right));
    struct node *second = binary(PRODUCT, copy(node->left), derive(node->right));
    return binary(SUM, first, second);
}

static NOINLINE struct node *derive_quotient(const struct node *node)
{
    struct node *first = binary(PRODUCT, derive(node->left), copy(node->right));
    struct node *second = binary(PRODUCT, copy(node->left), derive(node->right));
    struct node *square = binary(POWER, copy(node->right), number(2));
    return binary(QUOTIENT, binary(DIFFERENCE, first, second), square);
}

static NOINLINE struct node *derive_power(const struct node *node)
{
    double exponent = node->right->kind == NUMBER ? node->right->value : 2;
    struct node *rest = binary(POWER, copy(node->left), number(exponent - 1));
    struct node *outer = binary(PRODUCT, number(exponent), rest);
    return binary(PRODUCT, outer, derive(node->left));
}

static NOINLINE struct node *derive_call(const struct node *node)
{
    struct node *outer;
    switch (node->function) {
    case SIN:
        outer = call(COS, copy(node->left));
        break;
    case COS:
        outer = binary(NEGATIVE, call(SIN, copy(node->left)), NULL);
        break;
    case LOG:
        outer = binary(QUOTIENT, number(1), copy(node->left));
        break;
    default:
        outer = copy(node);
    }
    return binary(PRODUCT, outer, derive(node->left));
}

static NOINLINE struct node *derive(const struct node *node)
{
    struct node *result;
    switch (node->kind) {
    case NUMBER:
        result = number(0);
        break;
    case NAME:
        result = number(strcmp(node->name, "x") == 0);
        break;
    case SUM:
    case DIFFERENCE:
        result = derive_sum(node);
        break;
    case PRODUCT:
        result = derive_product(node);
        break;
    case QUOTIENT:
        result = derive_quotient(node);
        break;
    case POWER:
        result = derive_power(node);
        break;
    case NEGATIVE:
        result = binary(NEGATIVE, derive(node->left), NULL);
        break;
    default:
        result = derive_call(node);
    }
    KEEP_FRAME();
    return result;
}

/* ---- simplification ---------------------------------------------------------------------------- */

static NOINLINE struct node *simplify(const struct node *node);

static bool is(const struct node *node, double value)
{
    return node->kind == NUMBER && node->value == value;
}

static NOINLINE struct node *fold(enum kind kind, struct node *left, struct node *right)
{
    double a = left->value, b = right->value;
    drop(left);
    drop(right);
    return number(kind == SUM ? a + b : kind == DIFFERENCE ? a - b : kind == PRODUCT ? a * b : b ? a / b : 0);
}

static NOINLINE struct node *simplify_sum(const struct node *node)
{
    struct node *left = simplify(node->left), *right = simplify(node->right);
    if (left->kind == NUMBER && right->kind == NUMBER)
        return fold(node->kind, left, right);
    if (is(right, 0)) {
        drop(right);
        return left;
    }
    if (node->kind == SUM && is(left, 0)) {
        drop(left);
        return right;
    }
    return binary(node->kind, left, right);
}

static NOINLINE struct node *simplify_product(const struct node *node)
{
    struct node *left = simplify(node->left), *right = simplify(node->right);
    if (left->kind == NUMBER && right->kind == NUMBER)
        return fold(node->kind, left, right);
    if (is(left, 0) || (node->kind == PRODUCT && is(right, 0))) {
        drop(left);
        drop(right);
        return number(0);
    }
    if (is(right, 1)) {
        drop(right);
        return left;
    }
    if (node->kind == PRODUCT && is(left, 1)) {
        drop(left);
        return right;
    }
    return binary(node->kind, left, right);
}

static NOINLINE struct node *simplify_power(const struct node *node)
{
    struct node *base = simplify(node->left), *exponent = simplify(node->right);
    if (is(exponent, 1)) {
        drop(exponent);
        return base;
    }
    return binary(POWER, base, exponent);
}

static NOINLINE struct node *simplify_operand(const struct node *node)
{
    struct node *operand = simplify(node->left);
    if (node->kind == NEGATIVE && operand->kind == NUMBER) {
        double value = operand->value;
        drop(operand);
        return number(-value);
    }
    struct node *fresh = binary(node->kind, operand, NULL);
    fresh->function = node->function;
    return fresh;
}

static NOINLINE struct node *simplify(const struct node *node)
{
    struct node *result;
    switch (node->kind) {
    case SUM:
    case DIFFERENCE:
        result = simplify_sum(node);
        break;
    case PRODUCT:
    case QUOTIENT:
        result = simplify_product(node);
        break;
    case POWER:
        result = simplify_power(node);
        break;
    case NEGATIVE:
    case CALL:
        result = simplify_operand(node);
        break;
    default:
        result = copy(node);
    }
    KEEP_FRAME();
    return result;
}

/* ---- products of sums -------------------------------------------------------------------------- */

static NOINLINE struct node *expand(const struct node *node);

static NOINLINE struct node *distribute(const struct node *left, const struct node *right)
{
    struct node *first, *second;
    enum kind kind;
    if (left->kind == SUM || left->kind == DIFFERENCE) {
        kind = left->kind;
        first = distribute(left->left, right);
        second = distribute(left->right, right);
    } else if (right->kind == SUM || right->kind == DIFFERENCE) {
        kind = right->kind;
        first = distribute(left, right->left);
        second = distribute(left, right->right);
    } else {
        kind = PRODUCT;
        first = copy(left);
        second = copy(right);
    }
    return binary(kind, first, second);
}

static NOINLINE struct node *expand_product(const struct node *node)
{
    struct node *left = expand(node->left), *right = expand(node->right);
    struct node *result = distribute(left, right);
    drop(left);
    drop(right);
    return result;
}

static NOINLINE struct node *expand(const struct node *node)
{
    struct node *result;
    if (node->kind == PRODUCT) {
        result = expand_product(node);
    } else if (node->kind == NUMBER || node->kind == NAME) {
        result = copy(node);
    } else {
        struct node *left = expand(node->left);
        result = binary(node->kind, left, node->right ? expand(node->right) : NULL);
        result->function = node->function;
    }
    KEEP_FRAME();
    return result;
}

/* ---- printing and evaluation ------------------------------------------------------------------- */

static NOINLINE char *print(const struct node *node);

static NOINLINE char *join(const char *left, const char *middle, const char *right)
{
    size_t size = strlen(left) + strlen(middle) + strlen(right) + 3;
    char *text = take(size);
    snprintf(text, size, "(%s%s%s)", left, middle, right);
    return text;
}

static NOINLINE char *print_binary(const struct node *node)
{
    static const char *const signs[] = {
        [SUM] = "+", [DIFFERENCE] = "-", [PRODUCT] = "*", [QUOTIENT] = "/", [POWER] = "^"};
    char *left = print(node->left), *right = print(node->right);
    char *text = join(left, signs[node->kind], right);
    give(left);
    give(right);
    return text;
}

static NOINLINE char *print_operand(const struct node *node)
{
    char *operand = print(node->left);
    char *text = join(node->kind == CALL ? function_names[node->function] : "-", "", operand);
    give(operand);
    return text;
}

static NOINLINE char *print(const struct node *node)
{
    char *text;
    if (node->kind == NAME)
        text = copy_name(node->name, strlen(node->name));
    else if (node->kind == NUMBER)
        text = copy_name("1234567890", 1 + (size_t)fabs(node->value) % 10);
    else if (node->kind == NEGATIVE || node->kind == CALL)
        text = print_operand(node);
    else
        text = print_binary(node);
    KEEP_FRAME();
    return text;
}

static double evaluate(const struct node *node, double x)
{
    double a = node->left ? evaluate(node->left, x) : 0, b = node->right ? evaluate(node->right, x) : 0;
    switch (node->kind) {
    case NUMBER:
        return node->value;
    case NAME:
        return strcmp(node->name, "x") == 0 ? x : 0.5;
    case SUM:
        return a + b;
    case DIFFERENCE:
        return a - b;
    case PRODUCT:
        return a * b;
    case QUOTIENT:
        return fabs(b) > 1e-9 ? a / b : 0;
    case POWER:
        return b == 2 ? a * a : a;
    case NEGATIVE:
        return -a;
    default:
        return a / (1 + fabs(a));
    }
}

static NOINLINE uint64_t work_on(long expression, int levels)
{
    static struct text made_up;
    uint64_t random = 0x9e3779b97f4a7c15u * (uint64_t)(expression + 1);
    made_up.length = 0;
    make_up(&made_up, &random, levels);
    const char *source = made_up.bytes;
    struct node *tree = parse_sum(&source);
    struct node *raw = derive(tree);
    struct node *slope = simplify(raw);
    struct node *wide = expand(tree);
    char *text = print(slope);
    double value = evaluate(slope, 1.25) + evaluate(wide, 0.75);
    uint64_t check = strlen(text) + (isfinite(value) ? (uint64_t)(int64_t)fmod(value * 16, 65536) : 1);
    give(text);
    drop(wide);
    drop(slope);
    drop(raw);
    drop(tree);
    return check;
}

#define FREQUENT 10 /* expressions that come as often as all others together */
#define SMALL 12    /* the one that comes twenty times as often */

int main(int argc, char **argv)
{
    long rounds = bench_argument(argc, argv, 1, 1), count = bench_argument(argc, argv, 2, 800);
    uint64_t check = 0;
    for (long round = 0; round < rounds; round++) {
        for (long i = 0; i < count; i++) {
            check += work_on(i, 4 + (int)(i % 3));
            check += work_on(i % FREQUENT, 4 + (int)(i % FREQUENT % 3));
            for (int j = 0; j < 20; j++)
                check += work_on(SMALL, 2);
        }
    }
    bench_result(check, allocations, frees, bytes);
    return 0;
}
