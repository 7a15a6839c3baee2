/** Turns what the operations report into events of the server. */
import type { ExecObserver, ExecStart } from '../exec/exec-observer.js'
import type { ExecTarget } from '../exec/messages.js'
import type { TransferObserver } from '../files/transfer.js'
import type { EmitServerEvent, ServerEventContext } from './server-events.js'

export function execObserver(emit: EmitServerEvent, context: ServerEventContext): ExecObserver {
  const facts = ({ target, pid, cwd }: ExecStart) => ({ ...context, ...namesOf(target), pid, cwd })
  return {
    onStarted: (start) => emit('exec', { ...facts(start), phase: 'start' }),
    onEnded: (start, { exitCode, signal, durationMs, isCancelled, error }) => {
      if (error !== undefined) emit('fault', { error, context })
      emit('exec', { ...facts(start), phase: 'end', exitCode, signal, durationMs, isCancelled })
    },
    onFailed: (target, error) => emit('exec', { ...context, ...namesOf(target), phase: 'failed', error }),
  }
}

export function transferObserver(emit: EmitServerEvent, context: ServerEventContext): TransferObserver {
  return {
    start: ({ op, path }) => emit('transfer', { ...context, phase: 'start', op, path }),
    progress: (transfer, progress) => emit('progress', { ...context, ...transfer, ...progress }),
    checksum: (transfer, checksum) => emit('checksum', { ...context, ...transfer, ...checksum }),
    end: ({ op, path }, outcome) => {
      const event = { ...context, phase: 'end', op, path } as const
      emit(
        'transfer',
        'error' in outcome ? { ...event, error: outcome.error } : { ...event, receipt: outcome },
      )
    },
  }
}

function namesOf(target: ExecTarget): { command?: string; file?: string; args?: readonly string[] } {
  return 'command' in target ? { command: target.command } : { file: target.file, args: target.args }
}
