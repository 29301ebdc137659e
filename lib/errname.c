/* The one table of errors. */
#include <stddef.h>
#include "lib/errname.h"
#include "lib/errno.h"
#include "lib/field.h"

#define ROW(error, words) [error] = {#error, words}

static const struct {
    const char *name, *text;
} errors[] = {
    [0] = {"OK", "success"},
    ROW(EPERM, "operation not permitted"),
    ROW(ENOENT, "no such file or directory"),
    ROW(ESRCH, "no such process"),
    ROW(EINTR, "interrupted"),
    ROW(EIO, "input/output error"),
    ROW(ENXIO, "no such device or address"),
    ROW(E2BIG, "argument list too long"),
    ROW(ENOEXEC, "not an executable file"),
    ROW(EBADF, "bad file descriptor"),
    ROW(ECHILD, "no child processes"),
    ROW(EAGAIN, "try again"),
    ROW(ENOMEM, "out of memory"),
    ROW(EACCES, "permission denied"),
    ROW(EFAULT, "bad address"),
    ROW(ENOTBLK, "not a block device"),
    ROW(EBUSY, "busy"),
    ROW(EEXIST, "already exists"),
    ROW(EXDEV, "on different file systems"),
    ROW(ENODEV, "no such device"),
    ROW(ENOTDIR, "not a directory"),
    ROW(EISDIR, "is a directory"),
    ROW(EINVAL, "invalid argument"),
    ROW(ENFILE, "too many open files in the system"),
    ROW(EMFILE, "too many open files"),
    ROW(ENOTTY, "control request not known to the device"),
    ROW(ETXTBSY, "program is running"),
    ROW(EFBIG, "file too large"),
    ROW(ENOSPC, "no space left on the device"),
    ROW(ESPIPE, "cannot seek"),
    ROW(EROFS, "read-only file system"),
    ROW(EMLINK, "too many links"),
    ROW(EPIPE, "nobody reads the pipe"),
    ROW(EDOM, "number outside of the domain"),
    ROW(ERANGE, "number out of range"),
    ROW(EDEADLK, "would deadlock"),
    ROW(ENAMETOOLONG, "name too long"),
    ROW(ENOLCK, "no locks available"),
    ROW(ENOSYS, "system call not implemented"),
    ROW(ENOTEMPTY, "directory not empty"),
    ROW(ELOOP, "too many symbolic links"),
    ROW(ENODATA, "no data available"),
    ROW(ETIME, "timer expired"),
    ROW(EPROTO, "protocol error"),
    ROW(EBADMSG, "damaged data"),
    ROW(EOVERFLOW, "value too large for its type"),
    ROW(EILSEQ, "invalid byte sequence"),
    ROW(EOPNOTSUPP, "not supported"),
    ROW(ENOBUFS, "no buffer space"),
    ROW(ETIMEDOUT, "timed out"),
    ROW(EALREADY, "already in progress"),
    ROW(EINPROGRESS, "now in progress"),
    ROW(ESTALE, "stale handle"),
    ROW(EUCLEAN, "structure needs cleaning"),
    ROW(EREMOTEIO, "remote input/output error"),
    ROW(EDQUOT, "quota exceeded"),
    ROW(ENOMEDIUM, "no medium"),
    ROW(EMEDIUMTYPE, "wrong type of medium"),
    ROW(ECANCELED, "cancelled"),
};

/* The row of an error of either sign, or NULL. */
static const __typeof__(errors[0]) *
error_row(int err)
{
    unsigned index = err < 0 ? 0u - (unsigned)err : (unsigned)err;

    return index < ARRAY_SIZE(errors) && errors[index].name ? &errors[index] : NULL;
}

const char *
errname(int err)
{
    return error_row(err) ? error_row(err)->name : "E?";
}

const char *
errtext(int err)
{
    return error_row(err) ? error_row(err)->text : "unknown error";
}
