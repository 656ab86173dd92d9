#!/usr/bin/env node
import { keepHeapSmall } from '../util/small-heap.ts'
import { runCommandLine } from './run-command-line.ts'

keepHeapSmall()
process.exitCode = await runCommandLine(process.argv.slice(2))
