/** Provocations of the diagnostics of exports, entry sizes, unknown tables and included code. */
import type { diffMessages } from '../../src/diagnostics/diff-messages.js';
import { comparePair, type InlineResult } from '../cases/inline-pair.js';
import type { Provocations } from './provocation.js';

const header = '#include "kernel.h"\n';

function compare(original: string, patched: string, bugEntrySize = 12): InlineResult['findings'] {
  const pair = { original: header + original, patched: header + patched };
  return comparePair({ ...pair, entrySizes: { BUG_STRUCT_SIZE: bugEntrySize } }).findings;
}

const needsGcc = (run: () => unknown) => ({ needs: ['gcc'] as const, run });

const [f, g] = ['int f(int x) { return x; }', 'int g(int x) { return x + 1; }'];
const exported = (licence: string) =>
  `${f} asm(".pushsection .export_symbol, \\"a\\"\\n.asciz \\"${licence}\\"\\n.asciz \\"\\"\\n.balign 8\\n.quad f\\n.popsection");`;
const quirk = (device: number) =>
  `${f} struct fixup { int device; void *hook; };
   static const struct fixup q used section_named(".pci_fixup_final") = { ${device}, f };`;
const warns = (more: number) =>
  `int f(int x) { if (x) warn_entry("a.h", 5, 1); return x; } int g(int x) { if (x) warn_entry("a.h", 5, 1); return x + ${more}; }`;
const place = (value: number) =>
  `asm volatile("1: nop\\n.pushsection __places, \\"a\\"\\n.long 1b - .\\n.long ${value}\\n.popsection");`;
const places = (more: number) =>
  `int f(int x) { ${place(5)} return x; } int g(int x) { ${place(6)} return x + ${more}; }`;
const runtime = (more: number) =>
  `int f(int x) { unsigned long v; asm("mov $0x0123456789abcdef, %0\\n1:\\n.pushsection runtime_ptr_hash, \\"a\\"\\n` +
  `.long 1b - 8 - .\\n.popsection" : "=r"(v)); return v + x + ${more}; }`;
const returning = (more: number) =>
  `cold int _printk(const char *, ...); int g;
   int f(int x) { if (unlikely(x > 99)) { _printk("a"); g = 0; _printk("z"); } return g * x + ${more}; }`;
/** A relocation for what lies behind the end of data that the livepatch brings. */
const outside = (more: number) =>
  `static int f(int x) { return x; } int h(int x) { asm volatile("movl fresh + ${more}, %eax"); return x + ${more}; }
   ${more > 1 ? 'int fresh[2] = { 1, 2 };' : 'extern int fresh[2];'}`;

export const diffCarriedProvocations = {
  'export-added': needsGcc(() => compare(`${f} ${g}`, `${f} ${g} EXPORT_SYMBOL(g);`)),
  'export-removed': needsGcc(() => compare(`${f} ${g} EXPORT_SYMBOL(g);`, `${f} ${g}`)),
  'export-changed': needsGcc(() => compare(exported(''), exported('GPL'))),
  'quirk-changed': needsGcc(() => compare(quirk(1), quirk(2))),
  'entry-size-contradicted': needsGcc(() => compare(warns(1), warns(2), 8)),
  'table-unknown': needsGcc(() => compare(places(1), places(2))),
  'relocation-outside': needsGcc(() => compare(outside(1), outside(100))),
  'runtime-constant': needsGcc(() => compare(runtime(1), runtime(2))),
  'split-part-returns': needsGcc(() => compare(returning(1), returning(2))),
  'function-not-traceable': needsGcc(() =>
    compare('notrace int f(int x) { return x + 1; }', 'notrace int f(int x) { return x + 2; }'),
  ),
} satisfies Partial<Provocations<typeof diffMessages>>;
