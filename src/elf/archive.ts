/**
 * The names of the objects in an archive (`lib.a`), which kbuild may list in the place of objects. Read as GNU ar writes it,
 * thin or not; what the objects hold does not matter here.
 */

const headerSize = 60;

/** Fields of a member's header: bytes from its start (GNU binutils, include/aout/ar.h). */
const fields = { name: [0, 16], size: [48, 58], end: [58, 60] } as const;

/**
 * Names of the members: of a thin archive paths from the archive's folder, else base names. Nothing for what is no archive,
 * and what was read so far where it is cut off.
 */
export function archiveMembers(bytes: Uint8Array): string[] {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const magic = buffer.toString('latin1', 0, 8);
  const isThin = magic === '!<thin>\n';
  if (!isThin && magic !== '!<arch>\n') return [];
  const members: string[] = [];
  let longNames = '';
  for (let at = 8; at + headerSize <= buffer.length; ) {
    const field = ([from, to]: readonly [number, number]) => buffer.toString('latin1', at + from, at + to).trimEnd();
    const [name, size] = [field(fields.name), Number(field(fields.size))];
    if (field(fields.end) !== '`' || !Number.isSafeInteger(size) || size < 0) break;
    const content = at + headerSize;
    // The index of symbols and the table of long names are stored in thin archives too.
    const isTable = name === '/' || name === '//' || name === '/SYM64/';
    if (name === '//') longNames = buffer.toString('latin1', content, content + size);
    else if (!isTable) members.push(memberName(name, longNames));
    const stored = isThin && !isTable ? 0 : size;
    at = content + stored + (stored % 2);
  }
  return members;
}

/** `main.o/`, or `/18` for what stands at byte 18 of the long names, up to `/` and a line end. */
function memberName(name: string, longNames: string): string {
  const place = /^\/(\d+)$/.exec(name)?.[1];
  if (place === undefined) return name.replace(/\/$/, '');
  return (longNames.slice(Number(place)).split('\n')[0] ?? '').replace(/\/$/, '');
}
