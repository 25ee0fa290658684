-- Reference case R2 (IFRScommunity.com): the ageing matrix, each bucket and the total within 1.
with matrix (balance_amount, flow_amount, published_amount) as (
    values
    (cast(300000 as numeric), cast(100000 as numeric), cast(6000 as numeric)),
    (140000, 50000, 5600),
    (60000, 23000, 5217),
    (23000, 8000, 5750),
    (5000, 2000, 5000)
),

computed as (
    select
        published_amount,
        {{ provision_matrix_loss('balance_amount', '2000', 'flow_amount') }} as loss_amount
    from matrix
)

select published_amount, loss_amount
from computed
where abs(loss_amount - published_amount) > 1
union all
select 27567, sum(loss_amount)
from computed
having abs(sum(loss_amount) - 27567) > 1
