/**
 * For tests that are programs (`node --experimental-transform-types --import ./test/run-typescript.mjs …`): finds the
 * TypeScript sources behind the names they have once compiled. What they load may use no decorators.
 */
import { registerHooks } from 'node:module';

registerHooks({
  resolve: (specifier, context, next) => {
    const isOurs = specifier.startsWith('.') && context.parentURL?.endsWith('.ts');
    return next(isOurs ? specifier.replace(/\.js$/, '.ts') : specifier, context);
  },
});
