export * from '../../local/demo/inbox.ts';
export * from '../../local/demo/receiver.ts';
