/** Patches that give no livepatch, each with what has to be told. */
import type { InTreeScenario, StoppedInTree } from './scenario.js';
import { step } from './scenario.js';

const refused = (code: string) => ({ outcome: 'refused', code }) as const;

/** `rootdir` is all the data that the object has, so that no neighbours tell it from its namesakes. */
const namesakeEdits = [
  {
    file: 'drivers/opp/debugfs.c',
    from: '\tstruct dentry *d;\n\n\topp_set_dev_name(',
    to: '\tstruct dentry *d;\n\n\tif (!dev)\n\t\treturn;\n\topp_set_dev_name(',
  },
];

/** Only for a vmlinux with symbols, which a debug package brings. */
export const namesake: InTreeScenario = {
  name: 'namesake',
  title: 'a function that refers to one of four variables of one name',
  edits: namesakeEdits,
  objects: [{ object: 'drivers/opp/debugfs.o', changedFunctions: ['opp_debug_register'] }],
  before: [step('true')],
  enabled: [step('true')],
};

export const stopped: readonly StoppedInTree[] = [
  {
    name: 'lines-moved',
    title: 'lines that move a whole file, with a WARN in it, and a comment within a macro call of several lines',
    edits: [
      {
        file: 'fs/proc/generic.c',
        from: '#include <linux/cache.h>\n',
        to: '/* One line,\n * and another. */\n#include <linux/cache.h>\n',
      },
      {
        file: 'fs/proc/loadavg.c',
        from: '\t\tLOAD_INT(avnrun[1]), LOAD_FRAC(avnrun[1]),\n',
        to: '\t\t/* Five minutes. */\n\t\tLOAD_INT(avnrun[1]), LOAD_FRAC(avnrun[1]),\n',
      },
    ],
    build: { outcome: 'unchanged' },
  },
  {
    name: 'boot-only',
    title: 'a function that runs at boot only',
    edits: [
      {
        file: 'fs/proc/cmdline.c',
        from: 'proc_create_single("cmdline", 0,',
        to: 'proc_create_single("cmdline", 0400,',
      },
    ],
    build: refused('init-function-touched'),
    told: ['proc_cmdline_init'],
  },
  {
    name: 'left-out',
    title: 'a source that the configuration leaves out',
    edits: [
      {
        file: 'fs/proc/nommu.c',
        from: '#include <linux/init.h>\n',
        to: '#include <linux/init.h>\nint kptool_nommu;\n',
      },
    ],
    build: refused('source-not-in-kernel'),
  },
  {
    name: 'initial-value',
    title: 'another initial value of data that is in memory',
    edits: [
      { file: 'kernel/panic.c', from: '\nint panic_timeout = CONFIG_PANIC_TIMEOUT;', to: '\nint panic_timeout = 77;' },
    ],
    build: refused('data-changed'),
    told: ['panic_timeout'],
  },
  {
    name: 'new-file-unlisted',
    title: 'a new source file that no makefile lists',
    edits: [{ file: 'fs/proc/kptool-lost.c', to: 'int kptool_lost;\n' }],
    build: refused('source-not-in-kernel'),
    replayed: { step: 'patched', way: 'worded' },
  },
  {
    name: 'wide-header',
    title: 'a header that more sources include than are allowed',
    edits: [{ file: 'fs/proc/internal.h', from: 'union proc_op {\n', to: 'struct kptool;\n\nunion proc_op {\n' }],
    options: ['--max-objects', '5'],
    build: refused('too-many-objects'),
    told: ['fs/proc/internal.h'],
  },
  {
    name: 'new-export',
    title: 'a function that is exported from now on',
    edits: [
      {
        file: 'fs/statfs.c',
        from: 'EXPORT_SYMBOL(vfs_statfs);\n',
        to: 'EXPORT_SYMBOL(vfs_statfs);\nEXPORT_SYMBOL(user_statfs);\n',
      },
    ],
    build: refused('export-added'),
    told: ['user_statfs'],
  },
  {
    name: 'export-version',
    title: 'an include that shows more of a type, which gives an exported function that changes another checksum',
    edits: [
      {
        file: 'fs/filesystems.c',
        from: '#include <linux/fs_parser.h>\n',
        to: '#include <linux/fs_parser.h>\n#include "mount.h"\n',
      },
      {
        file: 'fs/filesystems.c',
        from: "\tBUG_ON(strchr(fs->name, '.'));\n",
        to: "\tBUG_ON(strchr(fs->name, '/'));\n",
      },
    ],
    build: refused('export-version-changed'),
    told: ['register_filesystem', 'mount.h'],
  },
  {
    name: 'runtime-constant',
    title: 'a function in whose code the address and the size of a table stand',
    onlyOn: ['6.12'],
    edits: [
      {
        file: 'fs/dcache.c',
        from: 'struct dentry *__d_lookup(const struct dentry *parent, const struct qstr *name)\n{\n',
        to: 'struct dentry *__d_lookup(const struct dentry *parent, const struct qstr *name)\n{\n\tif (name->len == 4242)\n\t\treturn NULL;\n',
      },
    ],
    build: refused('runtime-constant'),
    told: ['d_hash_shift', 'dentry_hashtable'],
  },
  {
    name: 'namesake-undecided',
    title: 'the namesake, where there are addresses only',
    symbols: 'boot image',
    edits: namesakeEdits,
    build: refused('symbol-ambiguous'),
    told: ['rootdir of drivers/opp/debugfs.o', '-dbg', '--vmlinux FILE'],
  },
];
