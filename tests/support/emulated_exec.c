/* Lets the tests run under an emulator of their instruction set where the kernel does not know how to
 * start such programs: Criterion starts itself anew for each test, and $PARETUNE_EMULATOR is then put
 * in front. Empty for other instruction sets; without the variable it changes nothing. */
#if defined(__aarch64__)

#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

int execve(const char *path, char *const argv[], char *const envp[])
{
    const char *emulator = getenv("PARETUNE_EMULATOR");
    if (!emulator) return (int)syscall(SYS_execve, path, argv, envp);
    const char *words[64] = {emulator, "-0", argv[0], path};
    for (int i = 1; argv[i] && i < 60; i++) words[i + 3] = argv[i];
    return (int)syscall(SYS_execve, emulator, words, envp);
}

#else
typedef int emulated_exec_is_empty;
#endif
