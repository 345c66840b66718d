#!/usr/bin/env node
/** The program: arguments in, exit status out. */
import { run } from './cli/run.js';

process.exitCode = await run(process.argv.slice(2));
