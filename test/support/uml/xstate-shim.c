/*
 * Lets a User-Mode Linux kernel up to 6.12 run on hosts with a large FPU state.
 *
 * Such a kernel sets the registers of its processes with PTRACE_SETREGSET(NT_X86_XSTATE) from a buffer of a fixed
 * 2,696 bytes. The host wants its whole xsave area (11,008 bytes where the CPU has AMX) and answers EFAULT to less.
 * Preloaded (LD_PRELOAD), this ptrace() pads what is too short with zeros: the init state of every component that the
 * short buffer does not name in its xsave header.
 */
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

/* More than any CPU's xsave area; PTRACE_GETREGSET tells the real size. */
enum { XSAVE_AREA_LIMIT = 64 * 1024 };

static unsigned char padded[XSAVE_AREA_LIMIT] __attribute__((aligned(64)));
static size_t host_size;

static long kernel_ptrace(long request, long pid, void *address, void *data)
{
	return syscall(SYS_ptrace, request, pid, address, data);
}

static int learn_host_size(long pid, void *address)
{
	struct iovec whole = { padded, sizeof(padded) };

	if (host_size != 0)
		return 0;
	if (kernel_ptrace(PTRACE_GETREGSET, pid, address, &whole) < 0)
		return -1;
	host_size = whole.iov_len;
	return 0;
}

static long set_xstate(long pid, void *address, struct iovec *given)
{
	struct iovec whole = { padded, 0 };

	if (learn_host_size(pid, address) < 0)
		return -1;
	if (given->iov_len >= host_size)
		return kernel_ptrace(PTRACE_SETREGSET, pid, address, given);
	memcpy(padded, given->iov_base, given->iov_len);
	memset(padded + given->iov_len, 0, host_size - given->iov_len);
	whole.iov_len = host_size;
	return kernel_ptrace(PTRACE_SETREGSET, pid, address, &whole);
}

long ptrace(enum __ptrace_request request, ...)
{
	va_list arguments;
	va_start(arguments, request);
	long pid = va_arg(arguments, int);
	void *address = va_arg(arguments, void *);
	void *data = va_arg(arguments, void *);
	va_end(arguments);

	if (request == PTRACE_SETREGSET && (long)address == NT_X86_XSTATE)
		return set_xstate(pid, address, data);

	/* The raw system call stores a peeked word; libc's ptrace() returns it, errno telling -1 from an error. */
	if (request == PTRACE_PEEKTEXT || request == PTRACE_PEEKDATA || request == PTRACE_PEEKUSER) {
		long word;

		if (kernel_ptrace(request, pid, address, &word) < 0)
			return -1;
		errno = 0;
		return word;
	}
	return kernel_ptrace(request, pid, address, data);
}
