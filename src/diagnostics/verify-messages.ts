/** Wording of the findings about a finished livepatch module, which `livepatch/verify.ts` makes. */
import type { Wording } from './diagnostic.js';

interface Finding {
  file: string;
}

interface TablePlace extends Finding {
  /** Name of the livepatch relocation table. */
  table: string;
  /** Bytes from the start of the section that the table relocates. */
  offset: number;
  symbol: string;
}

interface Replaced extends Finding {
  object: string;
  name: string;
  sympos: number;
}

const report = 'Do not load the module. Report this with the work folder, which --keep preserves.';

function hexadecimal(value: number): string {
  return `0x${value.toString(16)}`;
}

function entry({ table, offset, symbol }: TablePlace): string {
  return `${table}, entry for ${symbol} at ${hexadecimal(offset)}`;
}

function target({ object, name, sympos }: Replaced): string {
  return `${object}:${name},${sympos}`;
}

export const verifyMessages = {
  'verify-machine': (details: Finding & { expected: number; found: number }) => ({
    what: `${details.file} is built for machine ${details.found}, the target is machine ${details.expected}`,
    why: 'The kernel loads only modules of its own CPU architecture.',
    fix: 'Build with the compiler and the headers of the target kernel.',
  }),
  'verify-vermagic': (details: Finding & { expected: string; found: string }) => ({
    what: `${details.file} is built for the kernel "${details.found}", the target is "${details.expected}"`,
    why: 'The kernel compares this text (vermagic) with its own and refuses the module where they differ.',
    fix: 'Build against the headers of the target kernel; --kernel chooses them.',
  }),
  'verify-not-livepatch': (details: Finding) => ({
    what: `${details.file} does not say livepatch=Y in .modinfo`,
    why: 'The kernel would load it as an ordinary module and ignore its livepatch relocations.',
    fix: report,
  }),
  'verify-name': (details: Finding & { expected: string; found: string }) => ({
    what: `${details.file} calls itself "${details.found}", not "${details.expected}"`,
    why: 'The kernel would list and disable the livepatch under another name than the one asked for.',
    fix: report,
  }),
  'verify-leftover-section': (details: Finding & { section: string }) => ({
    what: `${details.file} still contains ${details.section}`,
    why: 'This section serves the building only; the module was not finished.',
    fix: report,
  }),
  'verify-klp-table-name': (details: Finding & { table: string }) => ({
    what: `${details.file}: the name of the relocation table ${details.table} is not .klp.rela.OBJECT.SECTION of its section`,
    why: 'The kernel takes from the name when to apply the table.',
    fix: report,
  }),
  'verify-klp-table-flags': (details: Finding & { table: string; flags: number }) => ({
    what: `${details.file}: the relocation table ${details.table} has the flags ${hexadecimal(details.flags)}`,
    why: 'Without SHF_RELA_LIVEPATCH and SHF_ALLOC the kernel would apply the table too early or have lost it when it is needed.',
    fix: report,
  }),
  'verify-klp-table-target': (details: Finding & { table: string; section: string }) => ({
    what: `${details.file}: ${details.table} relocates ${details.section}, which is not in memory at that time`,
    why: 'The kernel frees .init sections after loading and does not keep sections without SHF_ALLOC at all.',
    fix: 'Check that the patch changes no code or data that runs only during initialisation.',
  }),
  'verify-klp-table-unpatched': (details: Finding & { table: string; object: string }) => ({
    what: `${details.file}: nothing of ${details.object} is patched, but ${details.table} waits for it`,
    why: 'The kernel applies the table only when it patches that object, so the code would run with empty references.',
    fix: report,
  }),
  'verify-klp-entry-symbol': (details: TablePlace) => ({
    what: `${details.file}: ${entry(details)}: the symbol is not a livepatch symbol`,
    why: 'The kernel refuses the livepatch ("is not marked as a livepatch symbol").',
    fix: report,
  }),
  'verify-klp-entry-vmlinux': (details: TablePlace) => ({
    what: `${details.file}: ${entry(details)}: a table for a module refers to a symbol of vmlinux`,
    why: 'The kernel refuses the livepatch ("invalid access to vmlinux symbol from module-specific livepatch relocation section").',
    fix: report,
  }),
  'verify-klp-entry-too-late': (details: TablePlace & { section: string }) => ({
    what: `${details.file}: ${entry(details)}: the kernel reads ${details.section} before it applies this table`,
    why: 'Jump labels, static calls, alternatives and their like are set up when the livepatch is loaded, tables for modules come later.',
    fix: 'Change the patch so that the function does not use a static key, static call or alternative of the module.',
  }),
  'verify-klp-place-not-zero': (details: TablePlace) => ({
    what: `${details.file}: ${entry(details)}: the place already holds a value`,
    why: 'The kernel refuses the livepatch ("existing value is nonzero").',
    fix: report,
  }),
  'verify-klp-symbol-name': (details: Finding & { symbol: string }) => ({
    what: `${details.file}: the livepatch symbol "${details.symbol}" is not named .klp.sym.OBJECT.SYMBOL,POSITION`,
    why: 'The kernel takes from the name what to look up, and refuses the livepatch.',
    fix: report,
  }),
  'verify-klp-symbol-unused': (details: Finding & { symbol: string }) => ({
    what: `${details.file}: no livepatch relocation refers to ${details.symbol}`,
    why: 'A relocation was lost, or the symbol was made by mistake.',
    fix: report,
  }),
  'verify-klp-symbol-misused': (details: Finding & { symbol: string; section: string; offset: number }) => ({
    what: `${details.file}: an ordinary relocation at ${details.section}+${hexadecimal(details.offset)} refers to ${details.symbol}`,
    why: 'Ordinary relocations are applied before livepatch symbols have a value.',
    fix: report,
  }),
  'verify-functions-unreadable': (details: Finding & { problem: string }) => ({
    what: `${details.file}: which functions it replaces cannot be read: ${details.problem}`,
    why: 'It would not be known what the kernel redirects.',
    fix: report,
  }),
  'verify-function-missing': (details: Replaced) => ({
    what: `${details.file} does not replace ${target(details)}`,
    why: 'The patch changes this function, so the livepatch would be incomplete.',
    fix: report,
  }),
  'verify-function-unexpected': (details: Replaced) => ({
    what: `${details.file} replaces ${target(details)}, which the patch does not change`,
    why: 'The livepatch would redirect more than was asked for.',
    fix: report,
  }),
  'verify-callback': (details: Finding & { object: string; kind: string }) => ({
    what: `${details.file}: the ${details.kind} callback of ${details.object} is not the one that the patch names`,
    why: 'The kernel would call something else before or after patching, or nothing.',
    fix: report,
  }),
  'verify-function-target': (details: Replaced) => ({
    what: `${details.file}: ${target(details)} is not redirected to the beginning of a function that stays in memory`,
    why: 'The next call of the function would crash the kernel.',
    fix: report,
  }),
  'verify-undefined-symbol': (details: Finding & { symbol: string; users: readonly string[] }) => ({
    what: `${details.file} needs the symbol ${details.symbol}, which the kernel does not export`,
    why: 'The kernel refuses the module ("Unknown symbol").',
    fix: 'If another module exports it, give that module to the build; otherwise check that the patched source is that of the target.',
    details: details.users.map((user) => `used at ${user}`),
  }),
  'verify-crc': (details: Finding & { symbol: string; expected: number; found: number }) => ({
    what: `${details.file} was built with checksum ${hexadecimal(details.found)} for ${details.symbol}, the kernel has ${hexadecimal(details.expected)}`,
    why: 'The kernel refuses the module ("disagrees about version of symbol").',
    fix: "Build against the Module.symvers of the target kernel, and check that the patch does not change the symbol's type.",
  }),
  'verify-unwind-data': (details: Finding & { functions: readonly string[] }) => ({
    what: `${details.file} has functions that the kernel cannot unwind: ${details.functions.slice(0, 5).join(', ')}`,
    why: 'Where a task sleeps in one of them its stack is unreliable, and a transition to or from the livepatch may never end.',
    fix: 'If the makefiles take these sources from objtool (OBJECT_FILES_NON_STANDARD), let them not. Otherwise report this with the work folder, which --keep preserves.',
    details: details.functions,
  }),
  'verify-return-site': (details: Finding & { places: readonly string[] }) => ({
    what: `${details.file} has returns that the kernel does not know of`,
    why: 'They stay jumps to the return thunk; the kernel warns of the first one that runs ("Unpatched return thunk in use").',
    fix: report,
    details: details.places,
  }),
  'verify-seals': (details: Finding & { section: string }) => ({
    what: `${details.file} closes functions to indirect calls (${details.section})`,
    why: 'The list was made for a single object, which does not show who calls the functions through pointers; such a call would stop the task.',
    fix: report,
  }),
  'verify-entry-size': (details: Finding & { section: string; size: number; entrySize: number }) => ({
    what: `${details.file}: ${details.section} has ${details.size} bytes, which are no whole entries of ${details.entrySize}`,
    why: 'The kernel would read the entries of this table at the wrong places.',
    fix: report,
  }),
} satisfies Record<string, (details: never) => Wording>;
