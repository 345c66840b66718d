import { describe, expect, test } from 'vitest';
import { commandFile, readReport } from '../../boot/guest.js';

const commands = [{ run: 'uname -r' }, { run: 'false' }];

function section(name: string, output: string, status: number): string {
  const encoded = Buffer.from(output)
    .toString('base64')
    .replace(/.{1,20}/g, '$&\r\n');
  return `@begin ${name}\r\n${encoded}@end ${name} ${status}\r\n`;
}

const first = section('00000', '6.1.0\nwith two lines, and @end 00000 0\n', 0);
const second = section('00001', '', 1);
const log = section('dmesg', '[ 0.0] Linux\n', 0);

describe('readReport', () => {
  test('returns output and status of each command', () => {
    expect(readReport(`${first}${second}${log}@done\r\n`, commands)).toEqual({
      results: [
        { command: 'uname -r', output: '6.1.0\nwith two lines, and @end 00000 0\n', status: 0 },
        { command: 'false', output: '', status: 1 },
      ],
      dmesg: '[ 0.0] Linux\n',
      isComplete: true,
    });
  });

  test('keeps what came before the guest hung', () => {
    const cut = `${first}${second}`.slice(0, -5);
    expect(readReport(cut, commands)).toMatchObject({ results: [{ command: 'uname -r' }], isComplete: false });
  });

  test('is not complete without the last mark, or with a command left out', () => {
    expect(readReport(`${first}${second}${log}`, commands).isComplete).toBe(false);
    expect(readReport(`${first}${log}@done\n`, commands).isComplete).toBe(false);
  });

  test('finds nothing in nothing', () => {
    expect(readReport('', commands)).toEqual({ results: [], dmesg: '', isComplete: false });
  });
});

test('a command file begins with its time limit', () => {
  expect(commandFile({ run: 'sleep 1', timeoutSeconds: 5 })).toMatch(/^# 5\n[\s\S]*\nsleep 1\n$/);
});
