/* A rank that waits asks again and again whether something has come, and gives way in between: sched_yield, which on a machine
   with an idle core returns at once. Four ranks on two cores so burn seven times the CPU time of what they compute, and so do
   the threads that OpenBLAS begins with. In tests giving way is a nap: linked into the unit tests, and preloaded into the
   programs of the end-to-end tests. */

#define _POSIX_C_SOURCE 199309L

#include <sched.h>
#include <time.h>

int sched_yield(void) {
    const struct timespec nap = {0, 50000};
    return nanosleep(&nap, 0);
}
