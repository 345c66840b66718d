import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { layOutTraceHeaders } from '../../../src/kbuild/trace-headers.js';
import { temporaryFolder } from '../kernel/target.js';
import { type Files, writeFiles } from './tree.js';

const traceHeader = (place: string) => `/* tracepoints */
#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH ${place}
#define TRACE_INCLUDE_FILE cm_trace
`;

async function layOut(files: Files) {
  const folder = await temporaryFolder();
  const tree = path.join(folder, 'tree');
  await writeFiles(tree, files);
  const trace = path.join(folder, 'trace');
  return { tree, trace, folders: await layOutTraceHeaders(tree, trace) };
}

/** What the compiler opens for `#include "PLACE/NAME"` and `-I include`: every folder on the way has to be there. */
const throughInclude = (include: string, place: string, name: string) =>
  readFile(`${include}/${place}/${name}`, 'utf8');

describe('tracepoint headers of a driver from a kernel tree', () => {
  const place = '../../drivers/infiniband/core';

  test('are found in the copied tree, as it is when they are read', async () => {
    const { tree, trace, folders } = await layOut({ 'cm_trace.h': traceHeader(place), 'cm.h': '' });
    expect(folders).toEqual([{ include: path.join(trace, '0/include/trace'), root: path.join(trace, '0') }]);
    const patched = `${traceHeader(place)}/* patched */\n`;
    await writeFiles(tree, { 'cm_trace.h': patched });
    expect(await throughInclude(folders[0]?.include ?? '', place, 'cm_trace.h')).toBe(patched);
  });

  test('may lie in several folders, one below the other', async () => {
    const inner = `${place}/inner`;
    const { folders } = await layOut({
      'cm_trace.h': traceHeader(place),
      'cma_trace.h': traceHeader(place),
      'parts/trace.h': traceHeader(inner),
    });
    expect(folders).toHaveLength(2);
    expect(await throughInclude(folders[0]?.include ?? '', place, 'cma_trace.h')).toContain(place);
    expect(await throughInclude(folders[1]?.include ?? '', inner, 'trace.h')).toContain(inner);
  });

  test('are laid out anew each time', async () => {
    const { tree, trace } = await layOut({
      'cm_trace.h': traceHeader(place),
      'cm/trace.h': traceHeader(`${place}/cm`),
    });
    await writeFiles(tree, { 'cm/trace.h': '' });
    expect(await layOutTraceHeaders(tree, trace)).toHaveLength(1);
    expect(await readdir(trace)).toEqual(['0']);
  });

  test.each([
    ['the folder of the header itself', '.'],
    ['a folder below it', '../trace'],
    ['a place above the kernel tree', '../../../drivers/infiniband/core'],
    ['a way out of it', '../../drivers/../../../etc'],
    ["the kernel's own headers", '../../include/trace/events'],
    ['no place at all', '../../.'],
  ])('that name %s need nothing', async (_, named) => {
    const { folders } = await layOut({ 'cm_trace.h': traceHeader(named) });
    expect(folders).toEqual([]);
  });

  test('a folder that cannot be written', async () => {
    const { tree } = await layOut({ 'cm_trace.h': traceHeader(place) });
    await expect(layOutTraceHeaders(tree, '/dev/null/trace')).rejects.toThrow('work-folder-unwritable');
  });
});
