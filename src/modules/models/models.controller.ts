import { Controller, Get } from '@nestjs/common';
import { Access } from '../../platform/access/access.decorator.js';
import { ModelCatalog } from './model-catalog.service.js';
import { ModelDto, ModelListDto } from './models.dto.js';

@Controller('models')
export class ModelsController {
  constructor(private readonly catalog: ModelCatalog) {}

  /** The models agents may name. */
  @Get()
  @Access({ can: 'agents:read' })
  list(): ModelListDto {
    return { data: this.catalog.list().map((model) => ModelDto.of(model)) };
  }
}
