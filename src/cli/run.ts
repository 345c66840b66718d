/**
 * The way from the command line to the exit status. What a command needs is loaded when the command is known:
 * `create-diff-object` is run once an object by other build tools and must start as fast as Node does.
 */
import { diagnose } from '../diagnostics/catalogue.js';
import type { Answer } from './answer.js';
import { formatOf, type OutputFormat } from './format.js';
import type { JsonDocument } from './json.js';
import { processTerminal, requireWorkingDirectory, type Terminal } from './terminal.js';
import { readPackage } from './version.js';

/**
 * Runs kptool with the arguments that follow its name and returns the exit status: 0 done, 1 refused, 2 usage,
 * configuration or environment, 3 no functional change, 70 a bug, 130 interrupted. Never rejects.
 */
export async function run(words: readonly string[], terminal: Terminal = processTerminal(words)): Promise<number> {
  const answer = await answerTo(words, terminal);
  const { document } = answer;
  const format = document === undefined ? 'text' : formatOf(words);
  if (format === 'text') {
    if (answer.text !== '') terminal.out.write(answer.text);
  } else if (document !== undefined) {
    terminal.out.write(await printed(document, format, terminal));
    // A workflow's log is read by people too.
    if (format === 'github' && answer.text !== '') terminal.err.write(answer.text);
  }
  if (answer.messages !== '') terminal.err.write(answer.messages);
  return (await tellLostOutput(terminal)) ? 2 : answer.exitStatus;
}

/** No space, no more of it for this user, and none in a file of that size (errno(3)). */
const fullDisk: ReadonlySet<string> = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);

/** Whether an output did not take what was written to it: whoever reads it must not take the rest for the whole. */
async function tellLostOutput(terminal: Terminal): Promise<boolean> {
  await new Promise(setImmediate);
  const lost = terminal.lost?.();
  if (lost === undefined) return false;
  const { renderDiagnostic } = await import('./render.js');
  const { output, error } = lost;
  const code = fullDisk.has(error.code ?? '') ? 'disk-full' : 'output-unwritable';
  terminal.err.write(renderDiagnostic(diagnose(code, { path: output, reason: error.message }), terminal.err));
  return true;
}

async function printed(document: JsonDocument, format: OutputFormat, terminal: Terminal): Promise<string> {
  if (format === 'json') return `${JSON.stringify(document, undefined, 2)}\n`;
  const { githubAnnotations } = await import('./github.js');
  const { environment, workingDirectory } = terminal;
  return githubAnnotations(document, { folder: environment.GITHUB_WORKSPACE || workingDirectory });
}

async function answerTo(words: readonly string[], terminal: Terminal): Promise<Answer> {
  const { version, bugs } = readPackage();
  const { defaultCache } = await import('./settings.js');
  const facts = { version, words, reportTo: bugs?.url, cache: defaultCache(terminal.environment) };
  try {
    requireWorkingDirectory(terminal);
    if (words[0] === 'create-diff-object' && !words.includes('--help') && !words.includes('-h')) {
      const { runCreateDiffObject } = await import('./create-diff-object-command.js');
      return await runCreateDiffObject(words.slice(1), facts, terminal);
    }
    const { parseCommandLine } = await import('./command-line.js');
    const request = parseCommandLine(words, version, Math.min(terminal.out.columns ?? 100, 120));
    if (request.kind === 'text') return { exitStatus: 0, text: request.text, messages: '', document: undefined };
    if (request.name === 'inspect') {
      const { runInspect } = await import('./inspect-command.js');
      return await runInspect(request, facts, terminal);
    }
    if (request.name === 'clean') {
      const { runClean } = await import('./clean-command.js');
      return await runClean(request, facts, terminal);
    }
    if (request.name === 'reproduce') {
      const { runReproduce } = await import('./reproduce-command.js');
      return await runReproduce(request, facts, terminal);
    }
    if (request.name === 'doctor') {
      const { runDoctor } = await import('./doctor-command.js');
      return await runDoctor(request, facts, terminal);
    }
    if (request.name === 'kernel' && request.files[0] === 'fetch') {
      const { runKernelFetch } = await import('./fetch-command.js');
      return await runKernelFetch(request, facts, terminal);
    }
    if (request.name === 'kernel') {
      const { runKernelInfo } = await import('./kernel-command.js');
      return await runKernelInfo(request, facts, terminal);
    }
    const { runBuild } = await import('./build-command.js');
    const { build } = await import('../pipeline/build.js');
    return await runBuild(request, build, facts, terminal);
  } catch (error) {
    const { answerFailure } = await import('./answer.js');
    const isDebug = words.some((word) => word === '--debug' || word === '-d');
    const failure = { ...facts, command: null, wasInterrupted: false, warnings: [], isDebug };
    return answerFailure(error, failure, terminal);
  }
}
