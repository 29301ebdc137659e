#include "userland/common/registers.h"
#include <stddef.h>

struct named {
    uint32_t number;
    const char *name, *written; /* written NULL: the same */
};
#define END                                                                                                  \
    {                                                                                                        \
        UINT32_MAX, NULL, NULL                                                                               \
    }

static const struct named *
find(const struct named *list, uint64_t number)
{
    for (; list->name; list++)
        if (list->number == number)
            return list;
    return NULL;
}

/* AHCI 1.3.1, 3.1 and 3.3 */
static const struct named ahci[] = {{0x00, "CAP", 0}, {0x04, "GHC", 0},  {0x08, "IS", 0},   {0x0c, "PI", 0},
                                    {0x10, "VS", 0},  {0x24, "CAP2", 0}, {0x28, "BOHC", 0}, END};
static const struct named ahci_port[] = {{0x00, "PxCLB", 0},
                                         {0x04, "PxCLBU", 0},
                                         {0x08, "PxFB", 0},
                                         {0x0c, "PxFBU", 0},
                                         {0x10, "PxIS", 0},
                                         {0x14, "PxIE", 0},
                                         {0x18, "PxCMD", 0},
                                         {0x20, "PxTFD", 0},
                                         {0x24, "PxSIG", 0},
                                         {0x28, "PxSSTS", 0},
                                         {0x2c, "PxSCTL", 0},
                                         {0x30, "PxSERR", 0},
                                         {0x34, "PxSACT", 0},
                                         {0x38, "PxCI", 0},
                                         {0x3c, "PxSNTF", 0},
                                         {0x40, "PxFBS", 0},
                                         END};
#define AHCI_PORTS     0x100
#define AHCI_PORT_SIZE 0x80

/* ATA8-APT: command block, control block; the bus master's registers of a channel (SFF-8038i) */
static const struct named ide_command[] = {
    {0, "Data", 0},    {1, "Error", "Features"}, {2, "Sector Count", 0},
    {3, "LBA Low", 0}, {4, "LBA Mid", 0},        {5, "LBA High", 0},
    {6, "Device", 0},  {7, "Status", "Command"}, END};
static const struct named ide_control[] = {{2, "Alternate Status", "Device Control"}, END};
static const struct named ide_master[] = {
    {0, "BM Command", 0}, {2, "BM Status", 0}, {4, "BM PRD Table", 0}, END};

/* Am53C974 data sheet: SCSI core, DMA engine */
static const struct named am53c974[] = {{0x00, "CTCREG low", "STCREG low"},
                                        {0x04, "CTCREG mid", "STCREG mid"},
                                        {0x08, "FFREG", 0},
                                        {0x0c, "CMDREG", 0},
                                        {0x10, "STATREG", "SDIDREG"},
                                        {0x14, "INSTREG", "STIMREG"},
                                        {0x18, "ISREG", "STPREG"},
                                        {0x1c, "CFIREG", "SOFREG"},
                                        {0x20, "CNTLREG1", 0},
                                        {0x24, "CLKFREG", 0},
                                        {0x2c, "CNTLREG2", 0},
                                        {0x30, "CNTLREG3", 0},
                                        {0x34, "CNTLREG4", 0},
                                        {0x38, "CTCREG high", "STCREG high"},
                                        {0x40, "DMA CMD", 0},
                                        {0x44, "DMA STC", 0},
                                        {0x48, "DMA SPA", 0},
                                        {0x4c, "DMA WBC", 0},
                                        {0x50, "DMA WAC", 0},
                                        {0x54, "DMA STATUS", 0},
                                        {0x58, "DMA SMDLA", 0},
                                        {0x5c, "DMA WMAC", 0},
                                        {0x70, "SBAC", 0},
                                        END};

/* Symbios 53C8xx programming guide */
static const struct named sym53c8xx[] = {
    {0x00, "SCNTL0", 0},   {0x01, "SCNTL1", 0}, {0x02, "SCNTL2", 0}, {0x03, "SCNTL3", 0}, {0x04, "SCID", 0},
    {0x05, "SXFER", 0},    {0x06, "SDID", 0},   {0x08, "SFBR", 0},   {0x0a, "SSID", 0},   {0x0c, "DSTAT", 0},
    {0x0d, "SSTAT0", 0},   {0x0e, "SSTAT1", 0}, {0x0f, "SSTAT2", 0}, {0x10, "DSA", 0},    {0x14, "ISTAT", 0},
    {0x18, "CTEST0", 0},   {0x1a, "CTEST2", 0}, {0x1b, "CTEST3", 0}, {0x1c, "TEMP", 0},   {0x20, "DFIFO", 0},
    {0x24, "DBC", 0},      {0x27, "DCMD", 0},   {0x28, "DNAD", 0},   {0x2c, "DSP", 0},    {0x30, "DSPS", 0},
    {0x34, "SCRATCHA", 0}, {0x38, "DMODE", 0},  {0x39, "DIEN", 0},   {0x3b, "DCNTL", 0},  {0x40, "SIEN0", 0},
    {0x41, "SIEN1", 0},    {0x42, "SIST0", 0},  {0x43, "SIST1", 0},  {0x48, "STIME0", 0}, {0x49, "STIME1", 0},
    {0x4a, "RESPID0", 0},  {0x4d, "STEST1", 0}, {0x4e, "STEST2", 0}, {0x4f, "STEST3", 0}, END};

static const struct named *
find_ahci(uint64_t offset, int *number)
{
    if (offset < AHCI_PORTS)
        return find(ahci, offset);
    *number = (int)((offset - AHCI_PORTS) / AHCI_PORT_SIZE);
    return find(ahci_port, (offset - AHCI_PORTS) % AHCI_PORT_SIZE);
}

static const struct named *
find_ide(unsigned bar, uint64_t offset)
{
    return bar == 4  ? find(ide_master, offset & 7)
           : bar & 1 ? find(ide_control, offset)
                     : find(ide_command, offset);
}

const char *
register_name(uint32_t class_code, uint16_t vendor, uint16_t device, unsigned bar, uint64_t offset,
              int is_write, int *number)
{
    const struct named *n = NULL;

    *number = -1;
    if (class_code >> 8 == 0x0106)
        n = find_ahci(offset, number);
    else if (class_code >> 8 == 0x0101 || !class_code)
        n = find_ide(bar, !class_code && bar & 1 ? offset + 2 : offset); /* ISA has the one byte alone */
    else if (vendor == 0x1022 && device == 0x2020)
        n = find(am53c974, offset);
    else if (vendor == 0x1000)
        n = find(sym53c8xx, offset);
    return !n ? NULL : is_write && n->written ? n->written : n->name;
}

static const struct named scsi_commands[] = {{0x00, "TEST UNIT READY", 0},
                                             {0x03, "REQUEST SENSE", 0},
                                             {0x08, "READ(6)", 0},
                                             {0x0a, "WRITE(6)", 0},
                                             {0x12, "INQUIRY", 0},
                                             {0x15, "MODE SELECT(6)", 0},
                                             {0x1a, "MODE SENSE(6)", 0},
                                             {0x1b, "START STOP UNIT", 0},
                                             {0x1e, "PREVENT ALLOW MEDIUM REMOVAL", 0},
                                             {0x25, "READ CAPACITY(10)", 0},
                                             {0x28, "READ(10)", 0},
                                             {0x2a, "WRITE(10)", 0},
                                             {0x2f, "VERIFY(10)", 0},
                                             {0x35, "SYNCHRONIZE CACHE(10)", 0},
                                             {0x42, "UNMAP", 0},
                                             {0x43, "READ TOC", 0},
                                             {0x4a, "GET EVENT STATUS NOTIFICATION", 0},
                                             {0x55, "MODE SELECT(10)", 0},
                                             {0x5a, "MODE SENSE(10)", 0},
                                             {0x85, "ATA PASS-THROUGH(16)", 0},
                                             {0x88, "READ(16)", 0},
                                             {0x8a, "WRITE(16)", 0},
                                             {0x91, "SYNCHRONIZE CACHE(16)", 0},
                                             {0x9e, "READ CAPACITY(16)", 0},
                                             {0xa0, "REPORT LUNS", 0},
                                             {0xa1, "ATA PASS-THROUGH(12)", 0},
                                             {0xa8, "READ(12)", 0},
                                             {0xaa, "WRITE(12)", 0},
                                             END};
static const struct named ata_commands[] = {{0x06, "DATA SET MANAGEMENT", 0},
                                            {0x20, "READ SECTORS", 0},
                                            {0x24, "READ SECTORS EXT", 0},
                                            {0x25, "READ DMA EXT", 0},
                                            {0x29, "READ MULTIPLE EXT", 0},
                                            {0x30, "WRITE SECTORS", 0},
                                            {0x34, "WRITE SECTORS EXT", 0},
                                            {0x35, "WRITE DMA EXT", 0},
                                            {0x39, "WRITE MULTIPLE EXT", 0},
                                            {0x3d, "WRITE DMA FUA EXT", 0},
                                            {0x60, "READ FPDMA QUEUED", 0},
                                            {0x61, "WRITE FPDMA QUEUED", 0},
                                            {0xa0, "PACKET", 0},
                                            {0xa1, "IDENTIFY PACKET DEVICE", 0},
                                            {0xb0, "SMART", 0},
                                            {0xc4, "READ MULTIPLE", 0},
                                            {0xc5, "WRITE MULTIPLE", 0},
                                            {0xc8, "READ DMA", 0},
                                            {0xca, "WRITE DMA", 0},
                                            {0xe7, "FLUSH CACHE", 0},
                                            {0xea, "FLUSH CACHE EXT", 0},
                                            {0xec, "IDENTIFY DEVICE", 0},
                                            {0xef, "SET FEATURES", 0},
                                            END};
static const struct named irb_functions[] = {{0x100, "ATA_COMMAND", 0},    {0x101, "ATA_IDENTIFY", 0},
                                             {0x102, "ATA_READ", 0},       {0x103, "ATA_WRITE", 0},
                                             {0x104, "ATA_FLUSH", 0},      {0x105, "ATA_SMART", 0},
                                             {0x106, "ATA_GPLOG", 0},      {0x200, "ATAPI_COMMAND", 0},
                                             {0x201, "REQUEST_SENSE", 0},  {0x400, "MINIPORT_COMMAND", 0},
                                             {0x401, "ADAPTER_FLUSH", 0},  {0x402, "SHUTDOWN", 0},
                                             {0x403, "POWER_CHANGE", 0},   {0x404, "LUN_RESET", 0},
                                             {0x405, "MINIPORT_IOCTL", 0}, END};

static const char *
name_in(const struct named *list, uint64_t number)
{
    const struct named *n = find(list, number);

    return n ? n->name : NULL;
}

const char *
scsi_command_name(uint8_t operation)
{
    return name_in(scsi_commands, operation);
}

const char *
ata_command_name(uint8_t command)
{
    return name_in(ata_commands, command);
}

const char *
irb_function_name(uint16_t function)
{
    return name_in(irb_functions, function);
}
