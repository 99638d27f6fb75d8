/* forms_main.cc - see forms.h. Lines that allocate are marked. */
#include "forms.h"

static void *volatile keep[4];

int main()
{
    box<double> b(101); /* of box */
    keep[0] = b.data;
    keep[1] = raw(777);         /* of raw */
    keep[2] = far::away(333);   /* of away */
    keep[3] = far::beyond(555); /* of beyond */
    __asm__ volatile("" ::: "memory");
    return 0;
}
