/* POSIX threads: mutexes and conditions under contention, barriers, thread-local data, robust ends. [THREADS] [ROUNDS] */
#include "tests/programs/check.h"
#include <pthread.h>
#include <semaphore.h>
#include <time.h>
#include <unistd.h>

#define THREADS_MAX 64

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static pthread_barrier_t barrier;
static sem_t semaphore;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static __thread long own;
static long count, rounds, turn, threads;
static volatile double floating[THREADS_MAX];

static void *
contend(void *arg)
{
    long id = (long)arg;
    double x = (double)id;

    own = id;
    pthread_barrier_wait(&barrier);
    for (long i = 0; i < rounds; i++) {
        pthread_mutex_lock(&mutex);
        count++;
        pthread_mutex_unlock(&mutex);
        x = x * 1.000001 + 0.5;
        if (i % 64 == 0)
            sem_post(&semaphore);
    }
    floating[id] = x;
    CHECK(own == id);
    return (void *)(id * 7);
}

/* Each waits for its turn and gives it to the next. */
static void *
take_turns(void *arg)
{
    long id = (long)arg;

    for (long i = 0; i < rounds / 64; i++) {
        pthread_mutex_lock(&mutex);
        while (turn % threads != id)
            pthread_cond_wait(&cond, &mutex);
        turn++;
        pthread_cond_broadcast(&cond);
        pthread_mutex_unlock(&mutex);
    }
    return NULL;
}

static void
run_all(void *(*run)(void *), void *(*wanted)(long))
{
    pthread_t t[THREADS_MAX];

    for (long i = 0; i < threads; i++)
        CHECK(pthread_create(&t[i], NULL, run, (void *)i) == 0);
    for (long i = 0; i < threads; i++) {
        void *result;

        CHECK(pthread_join(t[i], &result) == 0);
        CHECK(!wanted || result == wanted(i));
    }
}

static void *
times_seven(long id)
{
    return (void *)(id * 7);
}

static void
timed_waits(void)
{
    struct timespec t, after;

    clock_gettime(CLOCK_REALTIME, &t);
    t.tv_nsec += 20000000;
    if (t.tv_nsec >= 1000000000) {
        t.tv_sec++;
        t.tv_nsec -= 1000000000;
    }
    pthread_mutex_lock(&mutex);
    CHECK(pthread_cond_timedwait(&cond, &mutex, &t) == ETIMEDOUT);
    pthread_mutex_unlock(&mutex);
    clock_gettime(CLOCK_REALTIME, &after);
    CHECK(after.tv_sec > t.tv_sec || (after.tv_sec == t.tv_sec && after.tv_nsec >= t.tv_nsec));
}

int
main(int argc, char **argv)
{
    int posted = 0;

    threads = argument(argc, argv, 1, 8);
    rounds = argument(argc, argv, 2, 20000);
    CHECK(threads > 0 && threads <= THREADS_MAX);
    sem_init(&semaphore, 0, 0);
    pthread_barrier_init(&barrier, NULL, (unsigned)threads);
    run_all(contend, times_seven);
    CHECK(count == threads * rounds);
    while (sem_trywait(&semaphore) == 0)
        posted++;
    CHECK(posted == threads * ((rounds + 63) / 64));
    for (long i = 0; i < threads; i++) { /* every thread's FPU state was its own */
        double x = (double)i;

        for (long k = 0; k < rounds; k++)
            x = x * 1.000001 + 0.5;
        CHECK(floating[i] == x);
    }
    run_all(take_turns, NULL);
    CHECK(turn == threads * (rounds / 64));
    timed_waits();
    CHECK(pthread_rwlock_rdlock(&rwlock) == 0 && pthread_rwlock_unlock(&rwlock) == 0);
    puts("ok");
    return 0;
}
