export * from '../../local/demo/tower.ts';
