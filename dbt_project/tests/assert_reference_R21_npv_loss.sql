-- Reference case R21 (zeb.se): two years' deferral at 5 % loses 9.29705 % of present value.
with computed as (
    select {{ deferral_npv_loss('0.05', '2') }} as npv_loss
)

select npv_loss
from computed
where abs(npv_loss - 0.0929705) > 0.00000005
