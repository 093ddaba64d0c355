/**
 * Loaded before a worker that is run from its TypeScript source: Node strips the types, this finds the files, which
 * import one another by the names they have once compiled.
 */
import { registerHooks } from 'node:module';

registerHooks({
  resolve: (specifier, context, next) => {
    const ours = specifier.startsWith('.') && context.parentURL?.endsWith('.ts');
    return next(ours ? specifier.replace(/\.js$/, '.ts') : specifier, context);
  },
});
