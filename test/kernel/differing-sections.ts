/** Says of two modules that should be the same bytes where they are not. */
import { readElf } from '../../src/elf/read.js';

/** Names of the sections that differ; `layout` where only what lies around them does. */
export function differingSections(first: Buffer, second: Buffer): string[] {
  if (first.equals(second)) return [];
  const [a, b] = [readElf(first, 'first'), readElf(second, 'second')];
  const differing = a.sections.filter(({ name, content }, index) => {
    const other = b.sections[index];
    return other?.name !== name || Buffer.compare(content, other.content) !== 0;
  });
  return differing.length > 0 ? differing.map(({ name }) => name) : ['layout'];
}
