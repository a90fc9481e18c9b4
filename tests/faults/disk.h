/* SPDX-License-Identifier: MIT
 *
 * faults/disk.h - what a disk would have of a file after a power cut: what was written since its last sync is known,
 * and can be taken back. May include: nothing.
 */
#ifndef OPP_TESTS_FAULTS_DISK_H
#define OPP_TESTS_FAULTS_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct disk_file;

/* All below need the disk's lock, but for disk_cut, which takes it. */
void disk_lock(void);
void disk_unlock(void);

/* Gives the file of this path, the same for all who ask. */
struct disk_file *disk_file_of(const char *path);
/* Lends its name without the directory. */
const char *disk_file_name(const struct disk_file *file);

/* Before length bytes are written at offset; before it is truncated to size. */
void disk_will_write(struct disk_file *file, const void *bytes, size_t length, int64_t offset);
void disk_will_truncate(struct disk_file *file, int64_t size);
/* After a sync, or when the file was deleted. */
void disk_synced(struct disk_file *file);

/* Whose writes a file has: a second writer while the first has it open is a violation. */
void disk_written_by(struct disk_file *file, const void *handle);
void disk_closed_by(struct disk_file *file, const void *handle);

/* Takes back what was not synced, all of it or some, and ends the process with code DISK_CUT_EXIT. */
#define DISK_CUT_EXIT 87
void disk_cut(bool some, unsigned seed) __attribute__((noreturn));

#endif
