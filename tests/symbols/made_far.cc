#include "made.h"

Elsewhere::Elsewhere(int a) : x{a} {}
