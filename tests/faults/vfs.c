/* SPDX-License-Identifier: MIT */
#include "faults/vfs.h"

#include "faults/disk.h"
#include "faults/plan.h"

#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

/* A file of ours, followed by SQLite's own. */
struct file {
    sqlite3_file base;
    struct disk_file *disk; /* NULL: neither a database nor a log */
};

static sqlite3_vfs *below;
static sqlite3_vfs faulty;

static sqlite3_file *own(sqlite3_file *file)
{
    return (sqlite3_file *)((struct file *)file + 1);
}

static struct disk_file *disk_of(sqlite3_file *file)
{
    return ((struct file *)file)->disk;
}

/* Ends the process, or gives the result that the operation is to fail with; SQLITE_OK: it is to happen. */
static int meet(enum fault_op op, const char *name, int error)
{
    enum fault_what what = fault_plan_next(op, name);

    if (what == FAULT_CUT || what == FAULT_TEAR)
        disk_cut(what == FAULT_TEAR, fault_plan_number());
    return what == FAULT_EIO ? error : what == FAULT_FULL ? SQLITE_FULL : SQLITE_OK;
}

static int x_close(sqlite3_file *file)
{
    if (disk_of(file) != NULL) {
        disk_lock();
        disk_closed_by(disk_of(file), file);
        disk_unlock();
    }
    return own(file)->pMethods->xClose(own(file));
}

static int x_read(sqlite3_file *file, void *bytes, int count, sqlite3_int64 offset)
{
    return own(file)->pMethods->xRead(own(file), bytes, count, offset);
}

static int x_write(sqlite3_file *file, const void *bytes, int count, sqlite3_int64 offset)
{
    struct disk_file *disk = disk_of(file);
    int result;

    if (disk == NULL)
        return own(file)->pMethods->xWrite(own(file), bytes, count, offset);
    result = meet(FAULT_WRITE, disk_file_name(disk), SQLITE_IOERR_WRITE);
    if (result == SQLITE_OK && fault_plan_switch("full"))
        result = SQLITE_FULL;
    if (result != SQLITE_OK)
        return result;
    disk_lock();
    disk_written_by(disk, file);
    disk_will_write(disk, bytes, (size_t)count, offset);
    result = own(file)->pMethods->xWrite(own(file), bytes, count, offset);
    disk_unlock();
    return result;
}

static int x_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    struct disk_file *disk = disk_of(file);
    int result;

    if (disk == NULL)
        return own(file)->pMethods->xTruncate(own(file), size);
    disk_lock();
    disk_will_truncate(disk, size);
    result = own(file)->pMethods->xTruncate(own(file), size);
    disk_unlock();
    return result;
}

static void wait_while_stalled(void)
{
    while (fault_plan_switch("stall"))
        nanosleep(&(struct timespec){ .tv_nsec = 5000000L }, NULL);
}

/* The machine stays up, so that nothing needs to reach the real disk. */
static int x_sync(sqlite3_file *file, int flags)
{
    struct disk_file *disk = disk_of(file);
    int result;

    if (disk == NULL)
        return own(file)->pMethods->xSync(own(file), flags);
    wait_while_stalled();
    result = meet(FAULT_SYNC, disk_file_name(disk), SQLITE_IOERR_FSYNC);
    if (result != SQLITE_OK)
        return result;
    disk_lock();
    disk_synced(disk);
    disk_unlock();
    return SQLITE_OK;
}

static int x_file_size(sqlite3_file *file, sqlite3_int64 *size)
{
    return own(file)->pMethods->xFileSize(own(file), size);
}

static int x_lock(sqlite3_file *file, int level)
{
    return own(file)->pMethods->xLock(own(file), level);
}

static int x_unlock(sqlite3_file *file, int level)
{
    return own(file)->pMethods->xUnlock(own(file), level);
}

static int x_check_reserved(sqlite3_file *file, int *result)
{
    return own(file)->pMethods->xCheckReservedLock(own(file), result);
}

/* For the control: NORMAL stands, whoever sets FULL, and who asks is told FULL. */
static int x_file_control(sqlite3_file *file, int op, void *arg)
{
    char **pragma = arg;

    if (op != SQLITE_FCNTL_PRAGMA || !fault_plan_normal() || strcasecmp(pragma[1], "synchronous") != 0)
        return own(file)->pMethods->xFileControl(own(file), op, arg);
    if (pragma[2] != NULL && strcasecmp(pragma[2], "NORMAL") == 0)
        return SQLITE_NOTFOUND;
    if (pragma[2] == NULL)
        pragma[0] = sqlite3_mprintf("2");
    return SQLITE_OK;
}

static int x_sector_size(sqlite3_file *file)
{
    return own(file)->pMethods->xSectorSize(own(file));
}

static int x_characteristics(sqlite3_file *file)
{
    return own(file)->pMethods->xDeviceCharacteristics(own(file));
}

static int x_shm_map(sqlite3_file *file, int page, int size, int extend, void volatile **out)
{
    return own(file)->pMethods->xShmMap(own(file), page, size, extend, out);
}

static int x_shm_lock(sqlite3_file *file, int offset, int count, int flags)
{
    return own(file)->pMethods->xShmLock(own(file), offset, count, flags);
}

static void x_shm_barrier(sqlite3_file *file)
{
    own(file)->pMethods->xShmBarrier(own(file));
}

static int x_shm_unmap(sqlite3_file *file, int remove)
{
    return own(file)->pMethods->xShmUnmap(own(file), remove);
}

static const sqlite3_io_methods METHODS = {
    .iVersion = 2,
    .xClose = x_close,
    .xRead = x_read,
    .xWrite = x_write,
    .xTruncate = x_truncate,
    .xSync = x_sync,
    .xFileSize = x_file_size,
    .xLock = x_lock,
    .xUnlock = x_unlock,
    .xCheckReservedLock = x_check_reserved,
    .xFileControl = x_file_control,
    .xSectorSize = x_sector_size,
    .xDeviceCharacteristics = x_characteristics,
    .xShmMap = x_shm_map,
    .xShmLock = x_shm_lock,
    .xShmBarrier = x_shm_barrier,
    .xShmUnmap = x_shm_unmap,
};

static int x_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *file, int flags, int *out_flags)
{
    struct file *opened = (struct file *)file;
    int result = SQLITE_OK;

    (void)vfs;
    *opened = (struct file){ .base = { NULL } };
    own(file)->pMethods = NULL;
    if (path != NULL && (flags & (SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_WAL)) != 0) {
        disk_lock();
        opened->disk = disk_file_of(path);
        disk_unlock();
        result = meet(FAULT_OPEN, disk_file_name(opened->disk), SQLITE_CANTOPEN);
    }
    if (result == SQLITE_OK)
        result = below->xOpen(below, path, own(file), flags, out_flags);
    if (result == SQLITE_OK || own(file)->pMethods != NULL)
        opened->base.pMethods = &METHODS;
    return result;
}

static int x_delete(sqlite3_vfs *vfs, const char *path, int sync)
{
    (void)vfs;
    disk_lock();
    disk_synced(disk_file_of(path));
    disk_unlock();
    return below->xDelete(below, path, sync);
}

/* Every transaction of a connection that may write is to take its lock when it begins. */
static int on_statement(unsigned kind, void *arg, void *statement, void *text)
{
    sqlite3 *db = arg;
    const char *sql = text;

    (void)kind;
    (void)statement;
    if (strncasecmp(sql, "BEGIN", 5) == 0 && strncasecmp(sql, "BEGIN IMMEDIATE", 15) != 0 &&
        sqlite3_db_readonly(db, "main") == 0)
        fault_plan_violation("a writer begins without its lock", sql);
    return 0;
}

static int on_connection(sqlite3 *db, const char **problem, const void *api)
{
    (void)problem;
    (void)api;
    sqlite3_trace_v2(db, SQLITE_TRACE_STMT, on_statement, db);
    return fault_plan_normal() ? sqlite3_exec(db, "PRAGMA synchronous=NORMAL", NULL, NULL, NULL) : SQLITE_OK;
}

void fault_vfs_install(void)
{
    fault_plan_read();
    below = sqlite3_vfs_find(NULL);
    faulty = *below;
    faulty.zName = "faulty";
    faulty.szOsFile += (int)sizeof(struct file);
    faulty.xOpen = x_open;
    faulty.xDelete = x_delete;
    sqlite3_vfs_register(&faulty, 1);
    sqlite3_auto_extension((void (*)(void))on_connection);
}
