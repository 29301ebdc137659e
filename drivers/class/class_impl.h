/* What the files of the class drivers share. */
#pragma once
#include "drivers/class/class.h"
#include "drivers/ddk/scsi.h"
#include "drivers/ddk/srb.h"
#include "drivers/port/core/unit.h"
#include "kernel/block/block.h"
#include "kernel/sync/timer.h"

#define CLASS_SENSE       32
#define CLASS_DEPTH       64
#define CLASS_TRIES       5
#define CLASS_TRIES_LATER 100 /* with pauses: 30 s */
#define CLASS_LATER       MS(300)

struct media;

/* One command on its way. */
struct slot {
    struct scsi_request s;
    struct media *media;
    struct block_request *r; /* and what follows it */
    uint64_t start;          /* bytes on the disk */
    uint32_t size;
    uint32_t tries;
    struct timer again; /* after a pause */
    uint8_t sense[CLASS_SENSE];
    struct data_piece piece[BLOCK_MERGE];
};

/* A unit with blocks. [I] but for what commands find out */
struct media {
    struct unit *unit;
    struct unit_facts facts;
    struct disk *disk;
    bool is_cd;
    char vendor[9], model[41], revision[9], serial[41];
    uint64_t blocks;     /* 0: no medium */
    uint32_t block_size; /* bytes */
    uint32_t slot_count;
    uint64_t busy; /* [a] bits: slots in use */
    struct slot *slots;
    struct mutex probing; /* what is below */
    struct scsi_request *request;
    uint8_t *buffer; /* a page */
    uint8_t sense[CLASS_SENSE];
    bool changed;     /* a CD drive has told of another medium, and nobody has asked yet */
    struct list link; /* the list of all */
};

/* probe.c: a command of the class driver's own, waited for; to or from m->buffer. m->probing is held. Returns 0 or -errno
 * as sense_judge() has it. PASSIVE_LEVEL */
int media_command(struct media *m, const uint8_t *cdb, uint8_t length, uint32_t size);

/* The same of a medium: where there is none it is asked twice, since the first answer may be of the one before. */
int media_ask(struct media *m, const uint8_t *cdb, uint8_t length, uint32_t size);

/* What became of it. */
enum verdict { VERDICT_DONE, VERDICT_RETRY, VERDICT_RETRY_LATER, VERDICT_FAILED };
enum verdict sense_judge(const struct scsi_request *s, const uint8_t *sense, bool is_flush, int *error);
/* "TIMEOUT": the WDK's name of an SrbStatus without its bits; "?": none */
const char *srb_status_name(uint8_t status);

/* io.c */
extern const struct block_ops media_ops;
int slots_make(struct media *m);
void slots_free(struct media *m);

/* probe.c: who is there, and how much. 0, -ENOMEDIUM or -errno. m->probing is held */
int media_inquire(struct media *m);
int media_measure(struct media *m);

/* cdrom.c: Linux's requests to CD drives. m->probing is held. Returns: what they do, or -errno; -ENOTTY: it is none */
long cdrom_ioctl(struct media *m, unsigned request, uintptr_t argument);

/* sg.c: SG_IO and what goes with it */
long media_ioctl(struct disk *d, unsigned request, uintptr_t argument, bool may_write);
