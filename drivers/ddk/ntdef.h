/*
 * Basic types and status values of the Windows driver ABI for x86-64, with the WDK's names.
 *
 * Widths are fixed: a LONG has 32 bits whatever the compiler's long has, and NTAPI functions use the Microsoft x64
 * calling convention also when the kernel itself (System V) is compiled.
 */
#pragma once
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

/* Constants shared with the kernel's own headers have the same values in both. */

#if defined(_WIN32) || !defined(__x86_64__)
#define NTAPI
typedef va_list NT_VA_LIST;
#define nt_va_start(list, last) va_start(list, last)
#define nt_va_end(list)         va_end(list)
#else
#define NTAPI                   __attribute__((ms_abi))
typedef __builtin_ms_va_list NT_VA_LIST;
#define nt_va_start(list, last) __builtin_ms_va_start(list, last)
#define nt_va_end(list)         __builtin_ms_va_end(list)
#endif

#if defined(_WIN32)
#define NTSYSAPI __declspec(dllimport)
#else
#define NTSYSAPI
#endif
#define NTKERNELAPI       NTSYSAPI
#define NTHALAPI          NTSYSAPI
#define FORCEINLINE       static inline
#define DECLSPEC_ALIGN(n) __attribute__((aligned(n)))

/* Annotations of a prototype that say nothing to the compiler. */
#ifndef IN
#define IN
#define OUT
#define OPTIONAL
#endif
#define CONST const
#define VOID  void

typedef void *PVOID;
typedef char CHAR, CCHAR, *PCHAR, *PSTR;
typedef const char *PCSTR, *PCSZ;
typedef unsigned char UCHAR, *PUCHAR, BOOLEAN, *PBOOLEAN;
typedef int16_t SHORT, CSHORT, *PSHORT;
typedef uint16_t USHORT, *PUSHORT;
typedef int32_t LONG, *PLONG, BOOL;
typedef uint32_t ULONG, *PULONG, DWORD;
typedef unsigned int UINT;
typedef int INT;
typedef long long LONGLONG, LONG64, *PLONGLONG;
typedef unsigned long long ULONGLONG, ULONG64, UINT64, *PULONGLONG;
typedef unsigned long long ULONG_PTR, SIZE_T, KAFFINITY, *PULONG_PTR, *PSIZE_T;
typedef long long LONG_PTR;
typedef uint16_t WCHAR, *PWCHAR, *PWSTR;
typedef const uint16_t *PCWSTR;
typedef UCHAR KIRQL, *PKIRQL;
typedef CCHAR KPROCESSOR_MODE;
typedef LONG NTSTATUS, KPRIORITY;
typedef ULONG ACCESS_MASK;
typedef PVOID HANDLE, *PHANDLE;

#define TRUE  1
#define FALSE 0

#define KernelMode ((KPROCESSOR_MODE)0)
#define UserMode   ((KPROCESSOR_MODE)1)

typedef union _LARGE_INTEGER {
    struct {
        ULONG LowPart;
        LONG HighPart;
    };
    struct {
        ULONG LowPart;
        LONG HighPart;
    } u;
    LONGLONG QuadPart;
} LARGE_INTEGER, *PLARGE_INTEGER;

typedef union _ULARGE_INTEGER {
    struct {
        ULONG LowPart;
        ULONG HighPart;
    };
    struct {
        ULONG LowPart;
        ULONG HighPart;
    } u;
    ULONGLONG QuadPart;
} ULARGE_INTEGER, *PULARGE_INTEGER;

typedef LARGE_INTEGER PHYSICAL_ADDRESS, *PPHYSICAL_ADDRESS;

typedef struct _LIST_ENTRY {
    struct _LIST_ENTRY *Flink, *Blink;
} LIST_ENTRY, *PLIST_ENTRY;

typedef struct _SINGLE_LIST_ENTRY {
    struct _SINGLE_LIST_ENTRY *Next;
} SINGLE_LIST_ENTRY, *PSINGLE_LIST_ENTRY;

/* Lengths are bytes, without a terminator; MaximumLength is the room of Buffer. */
typedef struct _UNICODE_STRING {
    USHORT Length;
    USHORT MaximumLength;
    PWSTR Buffer;
} UNICODE_STRING, *PUNICODE_STRING;
typedef const UNICODE_STRING *PCUNICODE_STRING;

typedef struct _STRING {
    USHORT Length;
    USHORT MaximumLength;
    PCHAR Buffer;
} STRING, ANSI_STRING, *PSTRING, *PANSI_STRING;
typedef const STRING *PCANSI_STRING;

typedef struct _GUID {
    uint32_t Data1;
    uint16_t Data2;
    uint16_t Data3;
    uint8_t Data4[8];
} GUID, *PGUID;

#define CONTAINING_RECORD(address, type, field) ((type *)((PCHAR)(address)-offsetof(type, field)))
#define FIELD_OFFSET(type, field)               ((LONG)offsetof(type, field))

/* NTSTATUS: severity in bits 31 and 30 (0 success, 1 information, 2 warning, 3 error). */
#define NT_SUCCESS(status)                ((NTSTATUS)(status) >= 0)
#define NT_ERROR(status)                  ((ULONG)(status) >> 30 == 3)
#define STATUS_SUCCESS                    ((NTSTATUS)0x00000000)
#define STATUS_WAIT_0                     ((NTSTATUS)0x00000000)
#define STATUS_TIMEOUT                    ((NTSTATUS)0x00000102)
#define STATUS_PENDING                    ((NTSTATUS)0x00000103)
#define STATUS_BUFFER_OVERFLOW            ((NTSTATUS)0x80000005)
#define STATUS_UNSUCCESSFUL               ((NTSTATUS)0xc0000001)
#define STATUS_NOT_IMPLEMENTED            ((NTSTATUS)0xc0000002)
#define STATUS_ACCESS_VIOLATION           ((NTSTATUS)0xc0000005)
#define STATUS_INVALID_PARAMETER          ((NTSTATUS)0xc000000d)
#define STATUS_NO_SUCH_DEVICE             ((NTSTATUS)0xc000000e)
#define STATUS_INVALID_DEVICE_REQUEST     ((NTSTATUS)0xc0000010)
#define STATUS_NO_MEMORY                  ((NTSTATUS)0xc0000017)
#define STATUS_BUFFER_TOO_SMALL           ((NTSTATUS)0xc0000023)
#define STATUS_OBJECT_NAME_NOT_FOUND      ((NTSTATUS)0xc0000034)
#define STATUS_REVISION_MISMATCH          ((NTSTATUS)0xc0000059)
#define STATUS_INSUFFICIENT_RESOURCES     ((NTSTATUS)0xc000009a)
#define STATUS_DEVICE_NOT_READY           ((NTSTATUS)0xc00000a3)
#define STATUS_IO_TIMEOUT                 ((NTSTATUS)0xc00000b5)
#define STATUS_NOT_SUPPORTED              ((NTSTATUS)0xc00000bb)
#define STATUS_DEVICE_DOES_NOT_EXIST      ((NTSTATUS)0xc00000c0)
#define STATUS_IO_DEVICE_ERROR            ((NTSTATUS)0xc0000185)
#define STATUS_DEVICE_CONFIGURATION_ERROR ((NTSTATUS)0xc0000182)
#define STATUS_ADAPTER_HARDWARE_ERROR     ((NTSTATUS)0xc00000c2)
#define STATUS_NO_SUCH_FILE               ((NTSTATUS)0xc000000f)
#define STATUS_INVALID_IMAGE_FORMAT       ((NTSTATUS)0xc000007b)
#define STATUS_ENTRYPOINT_NOT_FOUND       ((NTSTATUS)0xc0000139)
#define STATUS_ORDINAL_NOT_FOUND          ((NTSTATUS)0xc0000138)
#define STATUS_NO_MORE_ENTRIES            ((NTSTATUS)0x8000001a)
