#!/usr/bin/env node
import { keepNurserySmall } from '../util/small-heap.ts'
import { runCommandLine } from './run-command-line.ts'

keepNurserySmall()
process.exitCode = await runCommandLine(process.argv.slice(2))
